// Package host is one machine that has jails: its ZFS pools ([zfsstore.Store]), its
// kernel ([kernel.Kernel]), the root datasets that hold jails and releases, and the
// few host files that matter to them.
//
// On FreeBSD, [Open] returns the machine the program runs on. Package simhost
// simulates one on any system. [New] joins any Store and Kernel, for a program that
// wraps them or fakes one.
//
// A root dataset is called a source, as in libioc. Sources are, in this order:
// those given in [Options]; every ioc_dataset_NAME of rc.conf(5); pool/iocage
// of the first healthy pool whose root dataset has the user property
// org.freebsd.ioc:active=yes, a read-only one last.
//
// Opening a host and reading from it changes nothing on it.
package host
