import type { Connect, Plugin } from 'vite';

/** Answers /api from memory while developing. */
export function standIn(): Plugin {
  const use = (server: { middlewares: Connect.Server }) => {
    server.middlewares.use(async (request, response, next) => {
      if (!request.url?.startsWith('/api/')) {
        next();
        return;
      }
      const { answer } = await import('./stand-in');
      await answer(request, response);
    });
  };
  return { name: 'tidemark-stand-in', configureServer: use, configurePreviewServer: use };
}
