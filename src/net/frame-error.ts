// What came over a link is not a frame of ours, or not the one that was due. Costs the link its life and nothing else.

export class FrameError extends Error {
  override readonly name = 'FrameError';
}
