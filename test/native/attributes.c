/* Extended attributes: "attributes FILE" prints a sorted "NAME=HEX" for each, "attributes FILE NAME HEX" sets one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

static int compare(const void *one, const void *other) {
  return strcmp(*(char *const *)one, *(char *const *)other);
}

static int show(const char *file) {
  static char names[4096], value[4096];
  char *sorted[64];
  size_t count = 0;
  const ssize_t length = llistxattr(file, names, sizeof names);
  if (length < 0) return 1;
  for (char *name = names; name < names + length && count < 64; name += strlen(name) + 1) sorted[count++] = name;
  qsort(sorted, count, sizeof *sorted, compare);
  for (size_t i = 0; i < count; i++) {
    const ssize_t size = lgetxattr(file, sorted[i], value, sizeof value);
    printf("%s=", sorted[i]);
    for (ssize_t at = 0; at < size; at++) printf("%02x", (unsigned char)value[at]);
    printf("\n");
  }
  return 0;
}

int main(int argc, char **argv) {
  unsigned char value[2048];
  size_t size = 0;
  if (argc == 2) return show(argv[1]);
  if (argc != 4) return 2;
  for (const char *hex = argv[3]; hex[0] != '\0' && hex[1] != '\0' && size < sizeof value; hex += 2) {
    const char digits[3] = {hex[0], hex[1], '\0'};
    value[size++] = (unsigned char)strtoul(digits, NULL, 16);
  }
  if (lsetxattr(argv[1], argv[2], value, size, 0) == 0) return 0;
  perror(argv[2]);
  return 1;
}
