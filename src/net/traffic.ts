// What went over the links with one peer. Counters only rise.

export interface Traffic {
  framesIn: number;
  framesOut: number;
  bytesIn: number;
  bytesOut: number;
  messagesIn: number;
  messagesOut: number;
  /** Not sent because too much was waiting already, or because the peer takes no frame of that size. */
  droppedMessages: number;
}

export function noTraffic(): Traffic {
  return { framesIn: 0, framesOut: 0, bytesIn: 0, bytesOut: 0, messagesIn: 0, messagesOut: 0, droppedMessages: 0 };
}

export function addTraffic(a: Traffic, b: Traffic): Traffic {
  return {
    framesIn: a.framesIn + b.framesIn,
    framesOut: a.framesOut + b.framesOut,
    bytesIn: a.bytesIn + b.bytesIn,
    bytesOut: a.bytesOut + b.bytesOut,
    messagesIn: a.messagesIn + b.messagesIn,
    messagesOut: a.messagesOut + b.messagesOut,
    droppedMessages: a.droppedMessages + b.droppedMessages,
  };
}
