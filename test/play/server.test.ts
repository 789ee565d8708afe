import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { serve } from '../../src/play/index.ts';

const site = new Map<string, Uint8Array>([
  ['index.html', Buffer.from('<!doctype html>')],
  ['assets/code.js', Buffer.from('let x = 1;'.repeat(100))],
  ['data/base.bin', Uint8Array.of(1, 2, 3)],
]);
let server: Awaited<ReturnType<typeof serve>>;

beforeAll(async () => {
  server = await serve(site, { port: 0, tries: 0 });
});
afterAll(() => server.close());

interface Reply {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
}

/** Sends a path as it is: `fetch` would remove `..`. */
function get(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port: server.port, path, headers, method }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () =>
        resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(parts) }),
      );
    });
    sent.on('error', reject);
    sent.end();
  });
}

describe('the server of the page', () => {
  test('serves the files of the site with their types and a strict policy', async () => {
    const index = await get('/');
    expect(index.body.toString()).toBe('<!doctype html>');
    expect(index.headers['content-type']).toBe('text/html; charset=utf-8');
    const policy = String(index.headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/unsafe-inline|unsafe-eval(?<!wasm-unsafe-eval)|https?:|\*/);
    expect(index.headers['access-control-allow-origin']).toBeUndefined();
    const data = await get('/data/base.bin?again');
    expect([...data.body]).toEqual([1, 2, 3]);
    expect(data.headers['content-type']).toBe('application/octet-stream');
  });

  test('compresses code for browsers that accept it', async () => {
    const plain = await get('/assets/code.js');
    const small = await get('/assets/code.js', { 'Accept-Encoding': 'gzip, br' });
    expect(plain.body).toHaveLength(1000);
    expect(small.headers['content-encoding']).toBe('gzip');
    expect(small.body.length).toBeLessThan(100);
  });

  test.each([
    '/../package.json',
    '/assets/../../package.json',
    '/%2e%2e/%2e%2e/etc/passwd',
    '/..%2fpackage.json',
    '/assets',
    '/assets/',
    '/data/',
    '/%',
    '/%00',
    '//etc/passwd',
    '/missing.js',
  ])('has no file and no listing at %s', async (path) => {
    const { status, body } = await get(path);
    expect(status).toBe(404);
    expect(body.toString()).toBe('Not found.\n');
  });

  test('refuses the names of other hosts', async () => {
    for (const host of ['evil.example', `evil.example:${server.port}`, '127.0.0.1:1']) {
      expect((await get('/', { Host: host })).status, host).toBe(421);
    }
    expect((await get('/', { Host: `localhost:${server.port}` })).status).toBe(200);
  });

  test('supports only GET and HEAD', async () => {
    expect((await get('/', {}, 'POST')).status).toBe(405);
    const head = await get('/', {}, 'HEAD');
    expect(head.status).toBe(200);
    expect(head.body).toHaveLength(0);
  });
});

describe('a port in use', () => {
  test('is reported if it was chosen, and skipped if it was not', async () => {
    await expect(serve(site, { port: server.port, tries: 0 })).rejects.toThrow(
      `port ${server.port}: already in use; choose another`,
    );
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    const next = await serve(site, { port, tries: 5 });
    expect(next.port).toBeGreaterThan(port);
    await next.close();
    other.close();
  });
});
