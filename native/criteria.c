// Tables from a criterion to its sets: many sessions take little longer than one.
#include "criteria.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "notes.h"

enum { MOST_ENTRIES = 1 << 16, SIGN_EVERY = 1024 };

struct entry {
  uint64_t key;
  unsigned set;
};

struct table {
  struct entry *entries;
  size_t count, space;
};

static struct table devices, users, namespaces, labels;
static char *label_of[MOST_SETS];
// The devices of /proc, and of the file systems of namespaces and pipes.
static struct device proc_device, namespace_device, pipe_device;

bool same_device(struct device one, struct device other) { return one.major == other.major && one.minor == other.minor; }
static struct device device_of(const struct statx *file) { return (struct device){file->stx_dev_major, file->stx_dev_minor}; }
static uint64_t key_of(struct device device) { return ((uint64_t)device.major << 32) | device.minor; }

/** FNV-1a. Callers compare texts with equal keys in full. */
static uint64_t hash(const char *text) {
  uint64_t key = 14695981039346656037U;
  for (; *text != '\0'; text++) key = (key ^ (unsigned char)*text) * 1099511628211U;
  return key;
}

static bool add(struct table *table, uint64_t key, unsigned set) {
  if (table->count == table->space) {
    table->space = table->space == 0 ? 64 : table->space * 2;
    struct entry *more = table->space > MOST_ENTRIES ? NULL : realloc(table->entries, table->space * sizeof *more);
    if (more == NULL) return false;
    table->entries = more;
  }
  table->entries[table->count++] = (struct entry){key, set};
  return true;
}

static int compare(const void *one, const void *other) {
  const struct entry *a = one, *b = other;
  return a->key < b->key ? -1 : a->key > b->key;
}

static void sort(struct table *table) {
  if (table->count > 0) qsort(table->entries, table->count, sizeof *table->entries, compare);
}

static size_t find(const struct table *table, uint64_t key) {
  size_t low = 0, high = table->count;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (table->entries[middle].key < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

static void note_all(const struct table *table, uint64_t key, const char *how) {
  for (size_t i = find(table, key); i < table->count && table->entries[i].key == key; i++) note(table->entries[i].set, how);
}

void note_device(struct device device, const char *how) { note_all(&devices, key_of(device), how); }

void note_user(int64_t uid, const char *how) {
  if (uid >= 0) note_all(&users, (uint64_t)uid, how);
}

void note_namespace(uint64_t inode, const char *how) { note_all(&namespaces, inode, how); }

void give_sign(void) {
  static unsigned looks;
  if (++looks % SIGN_EVERY != 0) return;
  fputs(" .", stdout);
  fflush(stdout);
}

bool look(int dir, const char *name, struct statx *file) {
  give_sign();
  // Safe: with no field and DONT_SYNC no request is sent (fuse_getattr(), nfs_getattr()). Mounts nothing.
  return statx(dir, name, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, 0, file) == 0;
}

int64_t keeper_of(const struct statx *file) {
  const struct device device = device_of(file);
  // Terminals, pipes and /proc keep nothing of their creator's. A socket does: its holder speaks as its creator, even
  // after another user has the UID. It also keeps the file system where it is bound.
  const bool keeps = !S_ISCHR(file->stx_mode) && !S_ISBLK(file->stx_mode) && !same_device(device, pipe_device);
  const bool known = (file->stx_mask & STATX_UID) != 0;
  return known && keeps && !same_device(device, proc_device) ? (int64_t)file->stx_uid : -1;
}

void note_file(const struct statx *file, const char *how) {
  note_device(device_of(file), how);
  if (has_user_criterion()) note_user(keeper_of(file), how);
}

/** -1 if unknown. Holders keep everything mounted or shared in it. */
static int64_t maker_of(int dir, const char *name) {
  const int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  const int user = ioctl(fd, NS_GET_NSTYPE) == CLONE_NEWUSER ? fd : ioctl(fd, NS_GET_USERNS);
  uid_t owner;
  const bool told = user >= 0 && ioctl(user, NS_GET_OWNER_UID, &owner) == 0;
  if (user >= 0 && user != fd) close(user);
  close(fd);
  return told ? (int64_t)owner : -1;
}

void note_namespace_file(int dir, const char *name, const struct statx *file, const char *how) {
  if (!same_device(device_of(file), namespace_device)) return;
  note_namespace(file->stx_ino, how);
  if (has_user_criterion()) note_user(maker_of(dir, name), how);
}

void note_mount(struct device device, const char *root, const char *source, const char *how) {
  note_device(device, how);
  const char *inode = strchr(root, '[');
  if (inode != NULL && same_device(device, namespace_device)) note_namespace(strtoull(inode + 1, NULL, 10), how);
  const uint64_t key = hash(source);
  for (size_t i = find(&labels, key); i < labels.count && labels.entries[i].key == key; i++)
    if (strcmp(label_of[labels.entries[i].set], source) == 0) note(labels.entries[i].set, how);
}

bool has_user_criterion(void) { return users.count > 0; }

bool has_mount_criterion(void) { return labels.count > 0 || devices.count > 0; }

DIR *open_list(int dir, const char *name) {
  const int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR *list = fd < 0 ? NULL : fdopendir(fd);
  if (list == NULL && fd >= 0) close(fd);
  return list;
}

int open_entry(int dir, const char *name) { return openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC); }

bool find_own_devices(int proc) {
  struct statx file;
  if (!look(proc, ".", &file)) return false;
  proc_device = device_of(&file);
  if (!look(proc, "self/ns/mnt", &file)) return false;
  namespace_device = device_of(&file);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return false;
  const bool known = statx(ends[0], "", AT_EMPTY_PATH, 0, &file) == 0;
  pipe_device = device_of(&file);
  close(ends[0]);
  close(ends[1]);
  return known;
}

static bool read_number(const char **text, const char *ends, uint64_t most, uint64_t *number) {
  char *end;
  errno = 0;
  *number = strtoull(*text, &end, 10);
  const bool good = errno == 0 && **text >= '0' && **text <= '9' && *number <= most && strchr(ends, *end) != NULL;
  *text = end;
  return good;
}

static bool read_devices(const char *text, unsigned set) {
  while (*text != '\0') {
    uint64_t major, minor;
    if (!read_number(&text, ":", UINT32_MAX, &major) || *text++ != ':') return false;
    if (!read_number(&text, ",", UINT32_MAX, &minor)) return false;
    if (!add(&devices, key_of((struct device){(unsigned)major, (unsigned)minor}), set)) return false;
    if (*text != '\0' && *++text == '\0') return false;
  }
  return true;
}

static bool read_namespaces(const char *text, unsigned set) {
  while (*text != '\0') {
    uint64_t inode;
    if (!read_number(&text, ",", UINT64_MAX, &inode) || !add(&namespaces, inode, set)) return false;
    if (*text != '\0' && *++text == '\0') return false;
  }
  return true;
}

static bool read_user(const char *text, unsigned set) {
  uint64_t uid;
  return *text == '\0' || (read_number(&text, "", UINT32_MAX - 1, &uid) && add(&users, uid, set));
}

static bool read_label(const char *text, unsigned set) {
  if (*text == '\0') return true;
  label_of[set] = strdup(text);
  return label_of[set] != NULL && add(&labels, hash(text), set);
}

static const char *next_field(char **rest) {
  const char *field = strsep(rest, " ");
  if (field == NULL || *field == '\0') return NULL;
  return strcmp(field, "-") == 0 ? "" : field;
}

static bool read_set(char *line, unsigned set) {
  const char *device = next_field(&line), *user = next_field(&line), *inodes = next_field(&line), *label = next_field(&line);
  if (device == NULL || user == NULL || inodes == NULL || label == NULL || line != NULL) return false;
  return read_devices(device, set) && read_user(user, set) && read_namespaces(inodes, set) && read_label(label, set);
}

bool read_sets(FILE *input) {
  char *line = NULL;
  size_t size = 0;
  ssize_t length;
  bool good = true;
  for (unsigned set = 0; good && (length = getline(&line, &size, input)) > 0; set++) {
    good = set < MOST_SETS && line[length - 1] == '\n';
    if (good) line[length - 1] = '\0';
    good = good && read_set(line, set);
  }
  free(line);
  for (struct table *const *table = (struct table *[]){&devices, &users, &namespaces, &labels, NULL}; *table != NULL; table++) sort(*table);
  return good && !ferror(input);
}
