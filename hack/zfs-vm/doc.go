// Command zfs-vm tests zfsstore on the real OpenZFS, in a small Linux guest.
//
//	go run ./hack/zfs-vm
//
// It runs on Debian on amd64, as any user. The packages it needs, such as qemu,
// are those of the part zfs of .ci/run. The guest is made of Debian's own
// packages, downloaded into a cache directory and never installed: the kernel,
// zfs-dkms, whose modules are built against that kernel's headers, zfsutils-linux
// with its libraries, and busybox. Its root is an initramfs that also holds the
// test binary of package zfsstore and its testdata; two empty disks are for the
// pools. It runs under qemu's software emulation, without a network.
//
// What was fetched and built is used again as long as Debian's versions are
// the same, so that only the first run takes minutes. The exit status is 0 if
// each wanted test passed and none was skipped.
package main
