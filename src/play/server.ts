import { createServer, type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname } from 'node:path';
import { gzipSync } from 'node:zlib';
import { UsageError } from '../errors.ts';
import { contentSecurityPolicy } from './policy.ts';
import type { Site } from './site.ts';

/** Options of `serve`. */
export interface ServeOptions {
  readonly port: number;
  /** How many ports after `port` to try if it is in use. */
  readonly tries: number;
}

/** A running server. */
export interface Server {
  readonly port: number;
  readonly url: string;
  /** Ends all connections and frees the port. */
  close(): Promise<void>;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
};

const HEADERS = {
  'Content-Security-Policy': contentSecurityPolicy('header'),
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cache-Control': 'no-cache',
};

/**
 * Serves a site on 127.0.0.1. Only the files of the site can be read: paths are looked up, not opened.
 *
 * @throws UsageError if all ports are in use, or this user may not use them
 */
export async function serve(site: Site, { port, tries }: ServeOptions): Promise<Server> {
  const compressed = compress(site);
  const server = createServer((request, response) => answer(request, response, site, compressed));
  for (let offset = 0; ; offset++) {
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen({ host: '127.0.0.1', port: port + offset, exclusive: true }, () => {
          server.off('error', reject);
          resolve();
        });
      });
      break;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EADDRINUSE' && offset < tries && port + offset < 65_535) continue;
      throw portError(port, code, error);
    }
  }
  const { port: used } = server.address() as AddressInfo;
  return {
    port: used,
    url: `http://127.0.0.1:${used}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function portError(port: number, code: string | undefined, cause: unknown): unknown {
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: 'already in use; choose another',
    EACCES: 'not allowed for this user; choose one from 1024',
  };
  const reason = reasons[code ?? ''];
  return reason ? new UsageError('invalid-argument', `port ${port}: ${reason}`, { cause }) : cause;
}

/** The files that gzip makes smaller. */
function compress(site: Site): Site {
  return new Map(
    [...site]
      .filter(([path]) => extname(path) in TYPES)
      .map(([path, content]) => [path, gzipSync(content, { level: 9 })]),
  );
}

interface Reply {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  readonly body: string | Uint8Array;
}

function answer(request: IncomingMessage, response: ServerResponse, site: Site, compressed: Site): void {
  const { status, headers, body } = replyTo(request, site, compressed);
  response.writeHead(status, { ...HEADERS, ...headers, 'Content-Length': Buffer.byteLength(body) });
  response.end(request.method === 'HEAD' ? undefined : body);
}

function replyTo(request: IncomingMessage, site: Site, compressed: Site): Reply {
  // A web page of another origin whose name a DNS server maps to 127.0.0.1 sends that name here.
  if (!isLocalHost(request)) return refusal(421, 'This server answers only to 127.0.0.1 and localhost.');
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return refusal(405, 'Only GET and HEAD are supported.', { Allow: 'GET, HEAD' });
  const path = pathOf(request.url ?? '/');
  const content = path === undefined ? undefined : site.get(path);
  if (path === undefined || content === undefined) return refusal(404, 'Not found.');
  const headers = { 'Content-Type': TYPES[extname(path)] ?? 'application/octet-stream' };
  const small = compressed.get(path);
  if (!small) return { status: 200, headers, body: content };
  if (!/\bgzip\b/.test(String(request.headers['accept-encoding'] ?? '')))
    return { status: 200, headers: { ...headers, Vary: 'Accept-Encoding' }, body: content };
  const encoded = { ...headers, Vary: 'Accept-Encoding', 'Content-Encoding': 'gzip' };
  return { status: 200, headers: encoded, body: small };
}

function refusal(status: number, text: string, headers: OutgoingHttpHeaders = {}): Reply {
  return { status, headers: { ...headers, 'Content-Type': 'text/plain; charset=utf-8' }, body: `${text}\n` };
}

function isLocalHost({ headers, socket }: IncomingMessage): boolean {
  const { host = '' } = headers;
  return (
    [`127.0.0.1:${socket.localPort}`, `localhost:${socket.localPort}`].includes(host.toLowerCase()) ||
    (socket.localPort === 80 && ['127.0.0.1', 'localhost'].includes(host.toLowerCase()))
  );
}

/** The path of a file in the site; undefined for one that is not valid. */
function pathOf(url: string): string | undefined {
  try {
    const path = decodeURIComponent(url.split(/[?#]/)[0]!).replace(/^\//, '');
    return path === '' ? 'index.html' : path;
  } catch {
    return undefined;
  }
}
