export { serve } from './server.ts';
export { type Site, siteOf } from './site.ts';
export { writeSite } from './write-site.ts';
