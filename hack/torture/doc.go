// Command torture harasses jails on a host until its time is over, and checks after
// every round that nothing is lost and nothing is left:
//
//	go run ./hack/torture -time 1m
//	torture -real -pool zroot -time 30m        # on FreeBSD, as root
//
// Without -real the host is a simulated one. With it, everything happens below the
// datasets POOL/ioc-torture, POOL/ioc-torture-state and POOL/ioc-torture-byhand, which
// are made, and destroyed at the end.
//
// A round makes some of the jails ready and starts one or two programs, which are this
// command again and do random operations on the same few jails and a release, and kills
// them after a number of begun operations and a moment more. In the meantime, and after
// the kill, an administrator destroys, moves and replaces datasets and removes jails and
// mounts by hand; journals of jails and releases and network records are truncated,
// emptied, overwritten, made those of a newer version, duplicated or replaced by older
// copies; the pool, the state directory or both are full; a simulated machine is
// rebooted. Then jail.Recover runs. Wrong is
//
//   - what the administrator made or moved away, and is destroyed, renamed, unmounted
//     or changed;
//   - a jail or release that no interrupted operation was about, and is gone or renamed;
//   - what does not agree by package hosttest, such as a mount of no jail, a journal
//     or a temporary file that is left;
//   - a Recover that fails and names no file, or fails again and again;
//   - a damaged journal or network record that is not set aside as *.bad;
//   - an address of a jail that does not run any more, unless its record was damaged;
//   - a jail that cannot be stopped or destroyed, on a full disk or at the end;
//   - an error of an operation of a kind that nobody expects.
//
// It prints what each round is, what came of it, and a summary. The exit status is 1 if
// something was wrong, and the seed is printed. -seed gives each program the same
// operations in the same order again, and the same acts by hand, damages, fillings,
// reboots and numbers of begun operations before each kill. What comes between what of
// two programs, and the exact moment of a kill, differ. It ends ten minutes after its time
// at the latest.
package main
