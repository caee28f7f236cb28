/** What is said of whatever comes from a dry stand-in for CANN, which takes modelled times and replays recorded tokens. */
export const notMeasured = 'model, not measured';

/** What must be known before any figure of a stand-in. @param device what it is, for people */
export function standInNotice(device: string): string {
  return device.includes(notMeasured)
    ? 'Model, not measured: a dry stand-in for CANN waits for modelled times and replays recorded tokens.'
    : 'Measured on a stand-in for CANN that computes on the CPU: these figures say nothing of an NPU.';
}
