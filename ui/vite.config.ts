import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { standIn } from './dev/stand-in-plugin';

export default defineConfig({
  // The stand-in answers /api in `vite` and `vite preview` only; nothing of it reaches the built site.
  plugins: [react(), standIn()],
  build: {
    outDir: process.env.TIDEMARK_UI_OUT ?? 'dist',
    emptyOutDir: true,
    chunkSizeWarningLimit: 1000,
  },
});
