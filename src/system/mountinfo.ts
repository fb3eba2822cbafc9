// Reads /proc/PID/mountinfo (proc(5)). Nothing else of /proc.

export interface MountEntry {
  /** "MAJOR:MINOR" of the file system. */
  readonly device: string;
  readonly mountPoint: string;
  /** What the file system says that it was made of: for those of views "guest-ID". */
  readonly source: string;
}

/** The mounts of a mountinfo text; a line that is none is passed over. */
export function parseMountinfo(text: string): MountEntry[] {
  return text.split("\n").flatMap((line) => {
    // A field that may be there any number of times ends with "-".
    const [before = "", after = ""] = line.split(" - ");
    const [, , device, , mountPoint] = before.split(" ");
    const source = unescapeOctal(after.split(" ")[1] ?? "");
    return device === undefined || mountPoint === undefined ? [] : [{ device, mountPoint: unescapeOctal(mountPoint), source }];
  });
}

const unescapeOctal = (text: string) => text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)));
