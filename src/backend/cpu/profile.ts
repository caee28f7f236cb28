/** Where the time of a graph's executions went, the mean of them all. */
export interface GraphProfile {
  /** encoder or decoder */
  readonly graph: string;
  readonly executions: number;
  /** Of one execution, with what is between the operators. */
  readonly executionMs: number;
  /** The slowest first. */
  readonly operators: readonly OperatorTime[];
}

export interface OperatorTime {
  readonly operator: string;
  /** Pieces of work in one execution, of all threads. */
  readonly calls: number;
  readonly elapsedMs: number;
}
