/** Says what a slow command is doing. One line, on stderr, so that stdout stays for results. */
export type Progress = (line: string) => void;

export const progressToStderr: Progress = (line) => {
  process.stderr.write(`greenlight: ${line}\n`);
};
