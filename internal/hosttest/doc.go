// Package hosttest is for tests and programs that harass jails on a host, simulated
// or real.
//
//   - [Check] reports what does not agree on a host where no operation is running:
//     datasets, mounts, jails, files, journals and locks;
//   - [Hand] is an administrator who in the meantime changes the same things with
//     zfs(8), jail(8) and umount(8). It keeps a ledger of what is its own, so that
//     [Hand.Lost] can report what somebody else destroyed or changed.
//
// Both use exported packages only and need no [testing.T]: a child process that is
// about to be killed has none.
package hosttest
