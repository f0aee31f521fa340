import t from 'tap'
import { html, jsonScript, trusted } from './html.ts'

const hostile = `</script><img src=x onerror="alert('1')">&amp;`

t.test('values are escaped, in text and in attributes', async (t) => {
  const text = html`<p title="${hostile}">${hostile}</p>`.toString()
  t.notMatch(text, /<img|<\/script/)
  t.match(text, '&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;amp;')
})

t.test('html inside html is not escaped twice, arrays are joined, nothing is nothing', async (t) => {
  const items = ['a', '<'].map((item) => html`<li>${item}</li>`)
  t.equal(
    html`<ul>${items}${null}${undefined}${false}${0}</ul>`.toString(),
    '<ul><li>a</li><li>&lt;</li>0</ul>',
  )
  t.equal(html`${trusted('<b>')}`.toString(), '<b>')
})

t.test('JSON in a script can be read back and never ends the script', async (t) => {
  const value = { key: hostile, comment: '<!--<script>', line: '\u2028' }
  const script = jsonScript('data', value).toString()
  const inside = script.slice(script.indexOf('>') + 1, script.lastIndexOf('</script>'))
  t.notMatch(inside, '<')
  t.same(JSON.parse(inside), value)
})
