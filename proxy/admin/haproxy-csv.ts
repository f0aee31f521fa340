// The router's state in the CSV layout of HAProxy 2.6 (management.txt §9.1), so that existing collectors read it.
// Columns that mean nothing here are left empty, as HAProxy leaves them.
import type { BackendState, RouterState } from './state.ts'

const columns =
  'pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq,dresp,ereq,econ,eresp,wretr,wredis,status,weight,act,bck,chkfail,chkdown,lastchg,downtime,qlimit,pid,iid,sid,throttle,lbtot,tracked,type,rate,rate_lim,rate_max,check_status,check_code,check_duration,hrsp_1xx,hrsp_2xx,hrsp_3xx,hrsp_4xx,hrsp_5xx,hrsp_other,hanafail,req_rate,req_rate_max,req_tot,cli_abrt,srv_abrt,comp_in,comp_out,comp_byp,comp_rsp,lastsess,last_chk,last_agt,qtime,ctime,rtime,ttime,agent_status,agent_code,agent_duration,check_desc,agent_desc,check_rise,check_fall,check_health,agent_rise,agent_fall,agent_health,addr,cookie,mode,algo,conn_rate,conn_rate_max,conn_tot,intercepted,dcon,dses,wrew,connect,reuse,cache_lookups,cache_hits,srv_icur,src_ilim,qtime_max,ctime_max,rtime_max,ttime_max,eint,idle_conn_cur,safe_conn_cur,used_conn_cur,need_conn_est,uweight,agg_server_status,agg_server_check_status,agg_check_status,-,ssl_sess,ssl_reused_sess,ssl_failed_handshake,h2_headers_rcvd,h2_data_rcvd,h2_settings_rcvd,h2_rst_stream_rcvd,h2_goaway_rcvd,h2_detected_conn_protocol_errors,h2_detected_strm_protocol_errors,h2_rst_stream_resp,h2_goaway_resp,h2_open_connections,h2_backend_open_streams,h2_total_connections,h2_backend_total_streams,h1_open_connections,h1_open_streams,h1_total_connections,h1_total_streams,h1_bytes_in,h1_bytes_out,h1_spliced_bytes_in,h1_spliced_bytes_out'.split(
    ',',
  )

type Row = Readonly<Record<string, string | number | null>>

/** One FRONTEND row, a row for each server, one BACKEND row; lines end with a comma, as HAProxy's do. */
export function haproxyCsv(state: RouterState): string {
  const rows = [frontend(state), ...state.backends.map((one, i) => server(state, one, i + 1)), backend(state)]
  const lines = rows.map((row) => `${columns.map((name) => field(row[name] ?? '')).join(',')},`)
  return `# ${columns.join(',')},\n${lines.join('\n')}\n`
}

/** Quotes where RFC 4180 asks for it. */
function field(value: string | number): string {
  const text = String(value)
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

function frontend({ name, totals, backends }: RouterState): Row {
  const bytesIn = sumOf(backends, (one) => one.bytesIn)
  return {
    ...identity(name, 'FRONTEND', 1, 0, 0),
    ...traffic(totals.inFlight, totals.maxInFlight, totals.requests, bytesIn, totals.bytesOut),
    ...rates(totals.perSecond, totals.maxPerSecond),
    ...statuses(totals.byStatusClass),
    status: 'OPEN',
    dreq: 0,
    dresp: 0,
    ereq: 0,
    req_rate: totals.perSecond,
    req_rate_max: totals.maxPerSecond,
    req_tot: totals.requests,
    intercepted: totals.refused,
    '-': '-',
  }
}

function backend(state: RouterState): Row {
  const { name, totals, backends } = state
  const up = backends.filter((one) => one.state === 'up')
  const sum = (read: (one: BackendState) => number) => sumOf(backends, read)
  return {
    ...identity(name, 'BACKEND', 2, 0, 1),
    ...traffic(
      totals.inFlight,
      totals.maxInFlight,
      totals.requests,
      sum((one) => one.bytesIn),
      totals.bytesOut,
    ),
    ...rates(totals.perSecond, totals.maxPerSecond),
    ...statuses(totals.byStatusClass),
    ...troubles(
      sum((one) => one.connectErrors),
      sum((one) => one.errors),
      sum((one) => one.retries),
    ),
    qcur: sum((one) => one.queued),
    qmax: Math.max(0, ...backends.map((one) => one.maxQueued)),
    status: up.length > 0 ? 'UP' : 'DOWN',
    weight: up.length,
    act: up.filter((one) => !one.backup).length,
    bck: up.filter((one) => one.backup).length,
    chkdown: sum((one) => one.timesDown),
    lastchg: secondsSince(state.now, Math.max(...backends.map((one) => one.since))),
    lbtot: totals.requests,
    req_tot: totals.requests,
    cli_abrt: sum((one) => one.clientAborts),
    algo: 'rendezvous',
    '-': '-',
  }
}

function sumOf(backends: readonly BackendState[], read: (one: BackendState) => number): number {
  return backends.reduce((total, one) => total + read(one), 0)
}

function server(state: RouterState, one: BackendState, sid: number): Row {
  return {
    ...identity(state.name, one.name, 2, sid, 2),
    ...traffic(one.inFlight, one.maxInFlight, one.requests, one.bytesIn, one.bytesOut),
    ...rates(one.perSecond, one.maxPerSecond),
    ...statuses(one.byStatusClass),
    ...troubles(one.connectErrors, one.errors, one.retries),
    ...check(one),
    qcur: one.queued,
    qmax: one.maxQueued,
    slim: one.maxConnections,
    status: status(one),
    weight: 1,
    act: one.backup ? 0 : 1,
    bck: one.backup ? 1 : 0,
    chkfail: one.checksFailed,
    chkdown: one.timesDown,
    lastchg: secondsSince(state.now, one.since),
    downtime: Math.round(one.downtimeMs / 1000),
    lbtot: one.requests,
    req_tot: one.requests,
    cli_abrt: one.clientAborts,
    srv_abrt: one.resumed,
    rtime: Math.round(one.averageFirstByteMs),
    addr: new URL(one.url).host,
    '-': '-',
  }
}

function identity(pxname: string, svname: string, iid: number, sid: number, type: number): Row {
  return { pxname, svname, pid: 1, iid, sid, type, mode: 'http' }
}

function traffic(scur: number, smax: number, stot: number, bin: number, bout: number): Row {
  return { scur, smax, stot, bin, bout }
}

function rates(rate: number, rateMax: number): Row {
  return { rate, rate_max: rateMax }
}

function statuses(byClass: readonly number[]): Row {
  const [other, one, two, three, four, five] = byClass
  return {
    hrsp_1xx: one!,
    hrsp_2xx: two!,
    hrsp_3xx: three!,
    hrsp_4xx: four!,
    hrsp_5xx: five!,
    hrsp_other: other!,
  }
}

function troubles(econ: number, errors: number, retries: number): Row {
  return { dresp: 0, econ, eresp: errors - econ, wretr: retries, wredis: retries }
}

/** HAProxy's words: "UP", "UP 2/3" while checks fail, "DOWN 1/2" while they pass again, "no check". */
function status(one: BackendState): string {
  if (one.state === 'maint') return 'MAINT'
  if (one.state === 'drain') return 'DRAIN'
  if (one.check === null) return 'no check'
  const { rise, fall, streak } = one.check
  if (streak === 0) return one.state.toUpperCase()
  return one.state === 'up' ? `UP ${fall - streak}/${fall}` : `DOWN ${streak}/${rise}`
}

function check(one: BackendState): Row {
  if (one.check === null) return {}
  const { rise, fall, streak } = one.check
  const health = one.state === 'down' ? streak : rise + fall - 1 - streak
  const rules = { check_rise: rise, check_fall: fall, check_health: health }
  if (one.lastCheck === null) return { ...rules, check_status: 'INI' }
  const { status, tookMs, result } = one.lastCheck
  const [word, description] = checkWord(one.lastCheck)
  return {
    ...rules,
    check_status: word,
    check_code: status,
    check_duration: Math.round(tookMs),
    last_chk: result,
    check_desc: description,
  }
}

const checkWords: Readonly<Record<string, readonly [string, string]>> = {
  'connect-refused': ['L4CON', 'Layer4 connection problem'],
  'dns-failed': ['L4CON', 'Layer4 connection problem'],
  'connect-timeout': ['L4TOUT', 'Layer4 timeout'],
  'tls-failed': ['L6RSP', 'Layer6 invalid response'],
  'check-timeout': ['L7TOUT', 'Layer7 timeout'],
  'first-byte-timeout': ['L7TOUT', 'Layer7 timeout'],
}

function checkWord({ ok, status, error }: NonNullable<BackendState['lastCheck']>): readonly [string, string] {
  if (ok && status === null) return ['L4OK', 'Layer4 check passed']
  if (ok) return ['L7OK', 'Layer7 check passed']
  if (error !== null) return checkWords[error] ?? ['L7RSP', 'Layer7 invalid response']
  return ['L7STS', 'Layer7 wrong status']
}

function secondsSince(nowMs: number, thenMs: number): number {
  return Math.max(0, Math.round((nowMs - thenMs) / 1000))
}
