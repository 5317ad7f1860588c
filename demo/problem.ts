/** The demo cannot go on. The message is for people, as it is. */
export class DemoProblem extends Error {
  override readonly name = 'DemoProblem';
}
