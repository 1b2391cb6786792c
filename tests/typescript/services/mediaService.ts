// The front end's own storage, played by a folder on this machine that takes PUT; without MEDIA_URL there is none.

type Kept = { asset: { url: string } | null; error: string | null };

export function getMediaService() {
  const folder = process.env.MEDIA_URL;
  if (!folder) return null;
  return {
    async uploadBlob(
      projectId: string,
      userId: string,
      blob: Blob,
      fileName: string,
      contentType: string,
      metadata: Record<string, string>
    ): Promise<Kept> {
      const url = `${folder}/${projectId}-${fileName}`;
      const response = await fetch(url, { method: 'PUT', headers: { 'Content-Type': contentType }, body: blob });
      return response.ok ? { asset: { url }, error: null } : { asset: null, error: response.statusText };
    },
  };
}
