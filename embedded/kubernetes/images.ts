/**
 * Which images the node stand-in has. There is no registry: an image is a name for programs of this machine.
 *
 * `local/…` is this machine as it is (a container brings its own command); `local/node:…` and `local/python:…` start Node
 * and Python 3 when the container names no command.
 */
export function imagesOfThisMachine(): (image: string) => readonly string[] | undefined {
  return (image) => {
    const name = /^local\/([a-z0-9-]+)/.exec(image)?.[1];
    if (name === undefined) return undefined;
    if (name === 'node') return [process.execPath];
    if (name === 'python') return ['python3'];
    return [];
  };
}
