import fc from 'fast-check';
import { expect, test } from 'vitest';
import { markup } from '../../src/report/markup.ts';

test('text cannot become a tag or leave its attribute', () => {
  const file = `"><script>alert('x')</script>&.wav`;
  expect(markup`<a title="${file}">${file}</a>`.toString()).toBe(
    '<a title="&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;.wav">' +
      '&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;.wav</a>',
  );
});

test('markup goes into markup as it is, lists are joined, undefined is nothing', () => {
  const items = [1, 'a<b'].map((item) => markup`<li>${item}</li>`);
  expect(markup`<ul>${items}${undefined}</ul>`.toString()).toBe('<ul><li>1</li><li>a&lt;b</li></ul>');
});

test('a value that only claims to be markup is escaped', () => {
  const claim = JSON.parse('{"markup":"<b>"}') as string;
  expect(markup`<p>${claim}</p>`.toString()).toBe('<p>[object Object]</p>');
  expect(markup`<p>${{ toString: () => '<b>' } as unknown as string}</p>`.toString()).toBe('<p>&lt;b&gt;</p>');
});

test('no text whatever brings in a bracket or a quote', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(markup`${text}`.toString()).not.toMatch(/[<>"']/);
    }),
  );
});
