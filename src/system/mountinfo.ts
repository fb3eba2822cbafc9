// Reads /proc/PID/mountinfo (proc(5)). Nothing else of /proc.

export interface MountEntry {
  /** "MAJOR:MINOR" of the file system. */
  readonly device: string;
  readonly mountPoint: string;
}

/** The mounts of a mountinfo text; a line that is none is passed over. */
export function parseMountinfo(text: string): MountEntry[] {
  return text.split("\n").flatMap((line) => {
    const [, , device, , mountPoint] = line.split(" ");
    return device === undefined || mountPoint === undefined ? [] : [{ device, mountPoint: unescapeOctal(mountPoint) }];
  });
}

const unescapeOctal = (text: string) => text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)));
