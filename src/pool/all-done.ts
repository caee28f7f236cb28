/** What promises give, once none of them is at work any more, whether all went well or not. @throws the first one's error */
export async function allDone<T>(promises: readonly PromiseLike<T>[]): Promise<T[]> {
  await Promise.allSettled(promises);
  return Promise.all(promises);
}
