// Every answer of Toxiproxy 2.12's HTTP API that a client can see, one row each: request, status, headers, body.
// Taken from its api_test.go and from what a real server answered. PORT stands for the port of 127.0.0.1 or [::]
// that was picked; {busy} for an address somebody listens on.
import type { Request } from './world.ts'

export interface ApiRow {
  readonly name: string
  /** Requests that set the scene; each must succeed. */
  readonly given?: readonly Request[]
  readonly request: Request
  readonly headers?: Record<string, string>
  readonly status: number
  /** Exact, with ports made PORT; or a pattern, where Go's versions word it differently. */
  readonly body?: string | RegExp
  readonly type?: string
}

const json = 'application/json'
const plain = 'text/plain; charset=utf-8'

const proxy = (name: string, more = '') =>
  ['POST', '/proxies', `{"name":"${name}","listen":"127.0.0.1:0","upstream":"127.0.0.1:9"${more}}`] as const
const shown = (name: string, toxics = '', enabled = true) =>
  `{"name":"${name}","listen":"127.0.0.1:${enabled ? 'PORT' : '0'}","upstream":"127.0.0.1:9","enabled":${enabled},"Logger":{},"toxics":[${toxics}]}`
const latency = (more = '') =>
  ['POST', '/proxies/a/toxics', `{"type":"latency","attributes":{"latency":100}${more}}`] as const
const shownLatency = (name: string, stream: string, toxicity = '1', ms = 100) =>
  `{"attributes":{"latency":${ms},"jitter":0},"name":"${name}","type":"latency","stream":"${stream}","toxicity":${toxicity}}`
const error = (message: string, status: number) => `${JSON.stringify({ error: message, status })}\n`
const bad = (why: string) => error(`bad request body: ${why}`, 400)

const routing: readonly ApiRow[] = [
  {
    name: 'the version, byte for byte',
    request: ['GET', '/version'],
    status: 200,
    type: 'application/json;charset=utf-8',
    body: /^\{"version": "[^"]+"\}\n$/,
  },
  {
    name: 'an unknown path',
    request: ['GET', '/nope'],
    status: 404,
    type: plain,
    body: '404 page not found\n',
  },
  {
    name: 'a trailing slash',
    request: ['GET', '/proxies/'],
    status: 404,
    type: plain,
    body: '404 page not found\n',
  },
  { name: 'a wrong method', request: ['PUT', '/proxies'], status: 405, body: '' },
  { name: 'HEAD, which no route takes', request: ['HEAD', '/proxies'], status: 405, body: '' },
  { name: 'a doubled slash is sent to the clean path', request: ['GET', '//proxies'], status: 301, body: '' },
  { name: 'dots in a path are, too', request: ['GET', '/proxies/../version'], status: 301, body: '' },
  {
    name: 'a path that can not be decoded',
    request: ['GET', '/proxies/%zz'],
    status: 400,
    body: '400 Bad Request',
  },
  {
    name: 'a whole URL for a path, as proxies are asked',
    request: ['GET', 'http://toxiproxy/proxies?x=1'],
    status: 200,
    body: '{}',
  },
  {
    name: 'a browser is turned away',
    request: ['GET', '/proxies'],
    headers: { 'user-agent': 'Mozilla/5.0 (X11)' },
    status: 403,
    type: plain,
    body: 'User agent not allowed\n',
  },
  {
    name: 'any other user agent is not',
    request: ['GET', '/proxies'],
    headers: { 'user-agent': 'curl/8' },
    status: 200,
    body: '{}',
  },
  {
    name: 'a browser on an unknown path',
    request: ['GET', '/nope'],
    headers: { 'user-agent': 'Mozilla/5.0' },
    status: 404,
    body: '404 page not found\n',
  },
]

const bodies: readonly ApiRow[] = [
  { name: 'no body', request: ['POST', '/proxies', ''], status: 400, type: plain, body: bad('EOF') },
  {
    name: 'a body that ends too early',
    request: ['POST', '/proxies', '{"name":"a"'],
    status: 400,
    type: plain,
    body: bad('unexpected EOF'),
  },
  {
    name: 'no JSON at all',
    request: ['POST', '/proxies', 'x'],
    status: 400,
    type: plain,
    body: bad("invalid character 'x' looking for beginning of value"),
  },
  {
    name: 'a comma missing',
    request: ['POST', '/proxies', '{"name":"a" "b"}'],
    status: 400,
    body: bad(`invalid character '"' after object key:value pair`),
  },
  {
    name: 'a comma too many',
    request: ['POST', '/proxies', '{"name":"a",}'],
    status: 400,
    body: bad("invalid character '}' looking for beginning of object key string"),
  },
  {
    name: 'a key without quotes',
    request: ['POST', '/proxies', '{name:"a"}'],
    status: 400,
    body: bad("invalid character 'n' looking for beginning of object key string"),
  },
  {
    name: 'a colon missing',
    request: ['POST', '/proxies', '{"name" "a"}'],
    status: 400,
    body: bad(`invalid character '"' after object key`),
  },
  {
    name: 'a word cut short',
    request: ['POST', '/proxies', 'tru'],
    status: 400,
    body: bad('unexpected EOF'),
  },
  {
    name: 'a word misspelt',
    request: ['POST', '/proxies', 'trx'],
    status: 400,
    body: bad("invalid character 'x' in literal true (expecting 'u')"),
  },
  ...[
    ['a zero before a number', '{"a":01}', "'1' after object key:value pair"],
    ['a number that ends with its dot', '{"a":1.}', "'}' after decimal point in numeric literal"],
    ['an exponent without digits', '[1e]', "']' in exponent of numeric literal"],
    ['a minus alone', '[-]', "']' in numeric literal"],
    ['a control character', '{"a":"\u0001"}', "'\\x01' in string literal"],
    ['an escape that there is not', '{"a":"\\x"}', "'x' in string escape code"],
    ['a code that is not hexadecimal', '{"a":"\\u12g4"}', "'g' in \\u hexadecimal character escape"],
    ['a letter beyond ASCII, of which Go sees the first byte', 'é', "'Ã' looking for beginning of value"],
    ['a byte order mark', '\ufeff{}', "'ï' looking for beginning of value"],
    ['a word that JSON does not know', 'NaN', "'N' looking for beginning of value"],
    ['a bracket that closes another', '{"a":1]', "']' after object key:value pair"],
    ['no comma in an array', '[1 2]', "'2' after array element"],
  ].map(([name, body, why]) => ({
    name: name!,
    request: ['POST', '/proxies', body!] as const,
    status: 400,
    body: bad(`invalid character ${why}`),
  })),
  {
    name: 'a scalar ends where it can, whatever follows',
    request: ['POST', '/proxies', '01'],
    status: 400,
    body: bad('json: cannot unmarshal number into Go value of type toxiproxy.Proxy'),
  },
  {
    name: 'half a character of UTF-16 becomes U+FFFD',
    request: ['POST', '/proxies', '{"name":"\\ud800","listen":"127.0.0.1:0","upstream":"127.0.0.1:9"}'],
    status: 201,
    body: shown('\ufffd'),
  },
  {
    name: 'a logger that is no object',
    request: ['POST', '/proxies', '{"Logger":1}'],
    status: 400,
    body: bad('json: cannot unmarshal number into Go struct field Proxy.Logger of type zerolog.Logger'),
  },
  {
    name: 'a number for a name',
    request: ['POST', '/proxies', '{"name":1}'],
    status: 400,
    body: /^\{"error":"bad request body: json: cannot unmarshal number into Go struct field Proxy\.name of type string","status":400\}\n$/,
  },
  {
    name: 'a string for a bool',
    request: ['POST', '/proxies', '{"name":"a","enabled":"x"}'],
    status: 400,
    body: /cannot unmarshal string into Go struct field Proxy\.enabled of type bool/,
  },
  {
    name: 'an array for a proxy',
    request: ['POST', '/proxies', '[]'],
    status: 400,
    body: bad('json: cannot unmarshal array into Go value of type toxiproxy.Proxy'),
  },
  {
    name: 'null for a proxy is an empty one',
    request: ['POST', '/proxies', 'null'],
    status: 400,
    body: error('missing required field: name', 400),
  },
  {
    name: 'what follows the first value is not read',
    request: [proxy('a')[0], proxy('a')[1], `${proxy('a')[2]} trailing`],
    status: 201,
    body: shown('a'),
  },
  {
    name: 'keys in any case',
    request: ['POST', '/proxies', '{"NAME":"a","Listen":"127.0.0.1:0","upSTREAM":"127.0.0.1:9"}'],
    status: 201,
    body: shown('a'),
  },
  {
    name: 'unknown keys are ignored',
    request: proxy('a', ',"Logger":{},"other":[1]'),
    status: 201,
    body: shown('a'),
  },
]

const proxies: readonly ApiRow[] = [
  { name: 'no proxies', request: ['GET', '/proxies'], status: 200, type: json, body: '{}' },
  { name: 'creating a proxy', request: proxy('a'), status: 201, type: json, body: shown('a') },
  {
    name: 'creating one without a name',
    request: ['POST', '/proxies', '{"upstream":"x:1"}'],
    status: 400,
    type: plain,
    body: error('missing required field: name', 400),
  },
  {
    name: 'creating one without an upstream',
    request: ['POST', '/proxies', '{"name":"a"}'],
    status: 400,
    type: plain,
    body: error('missing required field: upstream', 400),
  },
  {
    name: 'creating one disabled shows the address as given',
    request: proxy('a', ',"enabled":false'),
    status: 201,
    body: shown('a', '', false),
  },
  { name: 'a null counts as absent', request: proxy('a', ',"enabled":null'), status: 201, body: shown('a') },
  {
    name: 'an empty address listens on all interfaces',
    request: ['POST', '/proxies', '{"name":"a","upstream":"x:1"}'],
    status: 201,
    body: '{"name":"a","listen":"[::]:PORT","upstream":"x:1","enabled":true,"Logger":{},"toxics":[]}',
  },
  {
    name: 'all IPv4 interfaces are all interfaces',
    request: ['POST', '/proxies', '{"name":"a","listen":"0.0.0.0:0","upstream":"x:1"}'],
    status: 201,
    body: '{"name":"a","listen":"[::]:PORT","upstream":"x:1","enabled":true,"Logger":{},"toxics":[]}',
  },
  ...[
    ['[::1', "missing ']' in address"],
    ['[::1]', 'missing port in address'],
    ['[::1]:0:0', 'too many colons in address'],
    ['[a]b:0', 'missing port in address'],
    ['::1:0', 'too many colons in address'],
    ['a[:0', "unexpected '[' in address"],
    ['a]:0', "unexpected ']' in address"],
  ].map(([listen, why]) => ({
    name: `the address ${listen}`,
    request: ['POST', '/proxies', `{"name":"a","listen":"${listen}","upstream":"x:1"}`] as const,
    status: 500,
    body: error(`listen tcp: address ${listen}: ${why}`, 500),
  })),
  {
    name: 'a short form of an address, which Go does not know',
    request: ['POST', '/proxies', '{"name":"a","listen":"127.1:0","upstream":"x:1"}'],
    status: 500,
    body: error('listen tcp: lookup 127.1: no such host', 500),
  },
  {
    name: 'a port by its name',
    request: ['POST', '/proxies', '{"name":"a","listen":"10.99.99.99:https","upstream":"x:1"}'],
    status: 500,
    body: error('listen tcp 10.99.99.99:443: bind: cannot assign requested address', 500),
  },
  {
    name: 'a name in use',
    given: [proxy('a')],
    request: proxy('a'),
    status: 409,
    type: plain,
    body: error('proxy already exists', 409),
  },
  {
    name: 'a port in use',
    request: ['POST', '/proxies', '{"name":"a","listen":"{busy}","upstream":"x:1"}'],
    status: 500,
    type: plain,
    body: error('listen tcp {busy}: bind: address already in use', 500),
  },
  {
    name: 'an address without a port',
    request: ['POST', '/proxies', '{"name":"a","listen":"local373","upstream":"x:1"}'],
    status: 500,
    body: error('listen tcp: address local373: missing port in address', 500),
  },
  {
    name: 'a port too large',
    request: ['POST', '/proxies', '{"name":"a","listen":"localhost:99999","upstream":"x:1"}'],
    status: 500,
    body: error('listen tcp: address 99999: invalid port', 500),
  },
  {
    name: 'a port that is no number',
    request: ['POST', '/proxies', '{"name":"a","listen":"localhost:zz","upstream":"x:1"}'],
    status: 500,
    body: error('listen tcp: lookup tcp/zz: unknown port', 500),
  },
  {
    name: 'an address of another machine',
    request: ['POST', '/proxies', '{"name":"a","listen":"10.99.99.99:80","upstream":"x:1"}'],
    status: 500,
    body: error('listen tcp 10.99.99.99:80: bind: cannot assign requested address', 500),
  },
  { name: 'a failed creation leaves nothing', request: ['GET', '/proxies'], status: 200, body: '{}' },
  {
    name: 'showing a proxy',
    given: [proxy('a')],
    request: ['GET', '/proxies/a'],
    status: 200,
    type: json,
    body: shown('a'),
  },
  {
    name: 'showing one that is not there',
    request: ['GET', '/proxies/a'],
    status: 404,
    type: plain,
    body: error('proxy not found', 404),
  },
  {
    name: 'proxies are listed by name, sorted',
    given: [proxy('b'), proxy('10'), proxy('9')],
    request: ['GET', '/proxies'],
    status: 200,
    type: json,
    body: `{"10":${shown('10')},"9":${shown('9')},"b":${shown('b')}}`,
  },
  {
    name: 'names are escaped for HTML',
    request: ['POST', '/proxies', '{"name":"<&>","listen":"127.0.0.1:0","upstream":"127.0.0.1:9"}'],
    status: 201,
    body: shown('\\u003c\\u0026\\u003e'),
  },
  {
    name: 'a name with a space',
    given: [proxy('a b')],
    request: ['GET', '/proxies/a%20b'],
    status: 200,
    body: shown('a b'),
  },
  { name: 'deleting a proxy', given: [proxy('a')], request: ['DELETE', '/proxies/a'], status: 204, body: '' },
  {
    name: 'deleting it twice',
    given: [proxy('a'), ['DELETE', '/proxies/a']],
    request: ['DELETE', '/proxies/a'],
    status: 404,
    body: error('proxy not found', 404),
  },
  {
    name: 'disabling with POST',
    given: [proxy('a')],
    request: ['POST', '/proxies/a', '{"enabled":false}'],
    status: 200,
    type: json,
    body: /"listen":"127\.0\.0\.1:PORT".*"enabled":false/,
  },
  {
    name: 'disabling with PATCH',
    given: [proxy('a')],
    request: ['PATCH', '/proxies/a', '{"enabled":false}'],
    status: 200,
    type: json,
    body: /"enabled":false/,
  },
  {
    name: 'enabling again',
    given: [proxy('a', ',"enabled":false')],
    request: ['PATCH', '/proxies/a', '{"enabled":true}'],
    status: 200,
    body: shown('a'),
  },
  {
    name: 'a name in an update is ignored',
    given: [proxy('a')],
    request: ['PATCH', '/proxies/a', '{"name":"z"}'],
    status: 200,
    body: shown('a'),
  },
  {
    name: 'toxics in an update are ignored, whatever they are',
    given: [proxy('a')],
    request: ['PATCH', '/proxies/a', '{"toxics":[1]}'],
    status: 200,
    body: shown('a'),
  },
  {
    name: 'a new upstream',
    given: [proxy('a')],
    request: ['PATCH', '/proxies/a', '{"upstream":"x:1"}'],
    status: 200,
    body: /"upstream":"x:1","enabled":true/,
  },
  {
    name: 'updating one that is not there',
    request: ['PATCH', '/proxies/a', '{}'],
    status: 404,
    body: error('proxy not found', 404),
  },
  {
    name: 'updating with a bad address',
    given: [proxy('a')],
    request: ['PATCH', '/proxies/a', '{"listen":"local373"}'],
    status: 500,
    type: plain,
    body: error('address local373: missing port in address', 500),
  },
  {
    name: 'moving to a port in use fails',
    given: [proxy('a')],
    request: ['PATCH', '/proxies/a', '{"listen":"{busy}"}'],
    status: 500,
    body: error('listen tcp {busy}: bind: address already in use', 500),
  },
]

const populate: readonly ApiRow[] = [
  {
    name: 'populating nothing',
    request: ['POST', '/populate', '[]'],
    status: 201,
    type: json,
    body: '{"proxies":null}',
  },
  {
    name: 'populating answers in the order of the request',
    request: ['POST', '/populate', `[${proxy('b')[2]},${proxy('a', ',"enabled":false')[2]}]`],
    status: 201,
    type: json,
    body: `{"proxies":[${shown('b')},${shown('a', '', false)}]}`,
  },
  {
    name: 'populating with an object',
    request: ['POST', '/populate', '{}'],
    status: 400,
    type: json,
    body: /^\{"error":"bad request body: json: cannot unmarshal object into Go value of type \[\]struct .*","status":400,"proxies":null\}$/,
  },
  {
    name: 'populating with a number for a bool',
    request: ['POST', '/populate', '[{"name":"a","upstream":"x:1","enabled":1}]'],
    status: 400,
    body: /cannot unmarshal number into Go struct field \.enabled of type bool","status":400,"proxies":null\}$/,
  },
  {
    name: 'populating without a name',
    request: ['POST', '/populate', `[${proxy('a')[2]},{"upstream":"x:1"}]`],
    status: 400,
    type: json,
    body: '{"error":"missing required field: name at proxy 2","status":400,"proxies":null}',
  },
  {
    name: 'populating without an upstream',
    request: ['POST', '/populate', '[{"name":"x"}]'],
    status: 400,
    type: json,
    body: '{"error":"missing required field: upstream at proxy 1","status":400,"proxies":null}',
  },
  {
    name: 'a bad entry late in the list keeps the earlier ones',
    request: ['POST', '/populate', `[${proxy('a')[2]},{"name":"q","upstream":"u:1","listen":"bad"}]`],
    status: 500,
    type: json,
    body: `{"error":"listen tcp: address bad: missing port in address","status":500,"proxies":[${shown('a')}]}`,
  },
]

const toxics: readonly ApiRow[] = [
  {
    name: 'no toxics',
    given: [proxy('a')],
    request: ['GET', '/proxies/a/toxics'],
    status: 200,
    type: json,
    body: '[]',
  },
  {
    name: 'adding a toxic answers 200',
    given: [proxy('a')],
    request: latency(),
    status: 200,
    type: json,
    body: shownLatency('latency_downstream', 'downstream'),
  },
  {
    name: 'adding one upstream, with a name',
    given: [proxy('a')],
    request: latency(',"stream":"upstream","name":"slow"'),
    status: 200,
    body: shownLatency('slow', 'upstream'),
  },
  {
    name: 'the stream in any case, shown as given',
    given: [proxy('a')],
    request: latency(',"stream":"UPSTREAM"'),
    status: 200,
    body: shownLatency('latency_UPSTREAM', 'UPSTREAM'),
  },
  {
    name: 'toxicity as a short decimal',
    given: [proxy('a')],
    request: latency(',"toxicity":0.2'),
    status: 200,
    body: shownLatency('latency_downstream', 'downstream', '0.2'),
  },
  {
    name: 'toxicity is not checked',
    given: [proxy('a')],
    request: latency(',"toxicity":3.5'),
    status: 200,
    body: shownLatency('latency_downstream', 'downstream', '3.5'),
  },
  {
    name: 'attributes default to 0',
    given: [proxy('a')],
    request: ['POST', '/proxies/a/toxics', '{"type":"slicer","attributes":{"average_size":9}}'],
    status: 200,
    body: /^\{"attributes":\{"average_size":9,"size_variation":0,"delay":0\}/,
  },
  {
    name: 'a noop',
    given: [proxy('a')],
    request: ['POST', '/proxies/a/toxics', '{"type":"noop"}'],
    status: 200,
    body: '{"attributes":{},"name":"noop_downstream","type":"noop","stream":"downstream","toxicity":1}',
  },
  ...['bandwidth', 'slow_close', 'timeout', 'reset_peer', 'limit_data'].map((type) => ({
    name: `a ${type}`,
    given: [proxy('a')],
    request: ['POST', '/proxies/a/toxics', `{"type":"${type}"}`] as const,
    status: 200,
    body: new RegExp(`"name":"${type}_downstream","type":"${type}"`),
  })),
  {
    name: 'a toxic on no proxy',
    request: latency(),
    status: 404,
    type: plain,
    body: error('proxy not found', 404),
  },
  {
    name: 'an unknown stream',
    given: [proxy('a')],
    request: latency(',"stream":"sideways"'),
    status: 400,
    type: plain,
    body: error('stream was invalid, can be either upstream or downstream', 400),
  },
  {
    name: 'an unknown type',
    given: [proxy('a')],
    request: ['POST', '/proxies/a/toxics', '{"type":"gremlin"}'],
    status: 400,
    body: error('invalid toxic type', 400),
  },
  {
    name: 'the stream is checked before the type',
    given: [proxy('a')],
    request: ['POST', '/proxies/a/toxics', '{"type":"gremlin","stream":"x"}'],
    status: 400,
    body: error('stream was invalid, can be either upstream or downstream', 400),
  },
  {
    name: 'a name in use',
    given: [proxy('a'), latency()],
    request: latency(),
    status: 409,
    type: plain,
    body: error('toxic already exists', 409),
  },
  {
    name: 'a name in use on the other stream',
    given: [proxy('a'), latency(',"name":"x"')],
    request: latency(',"name":"x","stream":"upstream"'),
    status: 409,
    body: error('toxic already exists', 409),
  },
  {
    name: 'the type of its name is checked before all',
    given: [proxy('a')],
    request: ['POST', '/proxies/a/toxics', '{"name":1,"stream":"sideways","type":"gremlin"}'],
    status: 400,
    body: bad('json: cannot unmarshal number into Go struct field ToxicWrapper.name of type string'),
  },
  {
    name: 'an array for a change of a toxic',
    given: [proxy('a'), latency()],
    request: ['PATCH', '/proxies/a/toxics/latency_downstream', '[]'],
    status: 400,
    body: /cannot unmarshal array into Go value of type struct \{ Attributes interface \{\} \\"json:/,
  },
  {
    name: 'the name is checked before the attributes',
    given: [proxy('a'), latency()],
    request: ['POST', '/proxies/a/toxics', '{"type":"latency","attributes":{"latency":"x"}}'],
    status: 409,
    body: error('toxic already exists', 409),
  },
  {
    name: 'the same type on both streams',
    given: [proxy('a'), latency(), latency(',"stream":"upstream"')],
    request: ['GET', '/proxies/a/toxics'],
    status: 200,
    type: json,
    body: `[${shownLatency('latency_upstream', 'upstream')},${shownLatency('latency_downstream', 'downstream')}]`,
  },
  {
    name: 'a fraction for an integer',
    given: [proxy('a')],
    request: ['POST', '/proxies/a/toxics', '{"type":"latency","attributes":{"latency":1.5}}'],
    status: 400,
    body: /bad request body: json: cannot unmarshal number 1\.5 into Go struct field .*latency of type int64/,
  },
  {
    name: 'an exponent for an integer',
    given: [proxy('a')],
    request: ['POST', '/proxies/a/toxics', '{"type":"latency","attributes":{"latency":1e3}}'],
    status: 400,
    body: /cannot unmarshal number 1e3 into/,
  },
  {
    name: 'an integer too large',
    given: [proxy('a')],
    request: [
      'POST',
      '/proxies/a/toxics',
      '{"type":"latency","attributes":{"latency":99999999999999999999}}',
    ],
    status: 400,
    body: /cannot unmarshal number 99999999999999999999 into/,
  },
  {
    name: 'a string for an integer',
    given: [proxy('a')],
    request: ['POST', '/proxies/a/toxics', '{"type":"latency","attributes":{"latency":"x"}}'],
    status: 400,
    body: /cannot unmarshal string into Go struct field .*latency of type int64/,
  },
  {
    name: 'a bool for a size',
    given: [proxy('a')],
    request: ['POST', '/proxies/a/toxics', '{"type":"slicer","attributes":{"average_size":true}}'],
    status: 400,
    body: /cannot unmarshal bool into Go struct field .*average_size of type int"/,
  },
  {
    name: 'an array for attributes',
    given: [proxy('a')],
    request: ['POST', '/proxies/a/toxics', '{"type":"latency","attributes":[]}'],
    status: 400,
    body: /cannot unmarshal array into Go struct field ToxicWrapper\.attributes of type toxics\.NoopToxic/,
  },
  {
    name: 'a string for toxicity',
    given: [proxy('a')],
    request: latency(',"toxicity":"1"'),
    status: 400,
    body: /cannot unmarshal string into Go struct field ToxicWrapper\.toxicity of type float32/,
  },
  {
    name: 'null for attributes',
    given: [proxy('a')],
    request: ['POST', '/proxies/a/toxics', '{"type":"latency","attributes":null}'],
    status: 200,
    body: shownLatency('latency_downstream', 'downstream', '1', 0),
  },
  {
    name: 'showing a toxic',
    given: [proxy('a'), latency()],
    request: ['GET', '/proxies/a/toxics/latency_downstream'],
    status: 200,
    type: json,
    body: shownLatency('latency_downstream', 'downstream'),
  },
  {
    name: 'showing one that is not there',
    given: [proxy('a')],
    request: ['GET', '/proxies/a/toxics/x'],
    status: 404,
    type: plain,
    body: error('toxic not found', 404),
  },
  {
    name: 'updating with POST keeps what is absent',
    given: [proxy('a'), latency(',"toxicity":0.2')],
    request: ['POST', '/proxies/a/toxics/latency_downstream', '{"attributes":{"jitter":0}}'],
    status: 200,
    type: json,
    body: shownLatency('latency_downstream', 'downstream', '0.2'),
  },
  {
    name: 'updating with PATCH, the key in another case',
    given: [proxy('a'), latency()],
    request: ['PATCH', '/proxies/a/toxics/latency_downstream', '{"attributes":{"LATENCY":7},"toxicity":0.5}'],
    status: 200,
    body: shownLatency('latency_downstream', 'downstream', '0.5', 7),
  },
  {
    name: 'updating ignores type, stream and name',
    given: [proxy('a'), latency()],
    request: [
      'PATCH',
      '/proxies/a/toxics/latency_downstream',
      '{"type":"noop","stream":"upstream","name":"z"}',
    ],
    status: 200,
    body: shownLatency('latency_downstream', 'downstream'),
  },
  {
    name: 'updating with no body',
    given: [proxy('a'), latency()],
    request: ['PATCH', '/proxies/a/toxics/latency_downstream', ''],
    status: 400,
    body: bad('EOF'),
  },
  {
    name: 'updating one that is not there',
    given: [proxy('a')],
    request: ['PATCH', '/proxies/a/toxics/x', '{}'],
    status: 404,
    body: error('toxic not found', 404),
  },
  {
    name: 'removing a toxic',
    given: [proxy('a'), latency()],
    request: ['DELETE', '/proxies/a/toxics/latency_downstream'],
    status: 204,
    body: '',
  },
  {
    name: 'removing it twice',
    given: [proxy('a')],
    request: ['DELETE', '/proxies/a/toxics/latency_downstream'],
    status: 404,
    body: error('toxic not found', 404),
  },
  {
    name: 'a proxy shows its toxics',
    given: [proxy('a'), latency()],
    request: ['GET', '/proxies/a'],
    status: 200,
    body: shown('a', shownLatency('latency_downstream', 'downstream')),
  },
  {
    name: 'toxics outlive disabling',
    given: [
      proxy('a'),
      latency(),
      ['PATCH', '/proxies/a', '{"enabled":false}'],
      ['PATCH', '/proxies/a', '{"enabled":true}'],
    ],
    request: ['GET', '/proxies/a'],
    status: 200,
    body: shown('a', shownLatency('latency_downstream', 'downstream')),
  },
]

const reset: readonly ApiRow[] = [
  { name: 'reset', given: [proxy('a'), latency()], request: ['POST', '/reset'], status: 204, body: '' },
  {
    name: 'reset enables and clears, and keeps the proxies',
    given: [proxy('a', ',"enabled":false'), latency(), ['POST', '/reset']],
    request: ['GET', '/proxies'],
    status: 200,
    body: `{"a":${shown('a')}}`,
  },
  {
    name: 'reset fails on a proxy that can not be started',
    given: [['POST', '/proxies', '{"name":"a","listen":"{busy}","upstream":"x:1","enabled":false}']],
    request: ['POST', '/reset'],
    status: 500,
    type: plain,
    body: error('listen tcp {busy}: bind: address already in use', 500),
  },
]

/** The last ones: what they leave behind can't be deleted. */
const slashes: readonly ApiRow[] = [
  {
    name: 'a name with a slash can not be reached',
    given: [proxy('c/d')],
    request: ['GET', '/proxies/c%2Fd'],
    status: 404,
    body: '404 page not found\n',
  },
]

export const apiRows: Readonly<Record<string, readonly ApiRow[]>> = {
  routing,
  bodies,
  proxies,
  populate,
  toxics,
  reset,
  slashes,
}
