#!/bin/busybox sh
# The guest's first process: loads ZFS, makes a pool for the conformance suite,
# runs the tests that the kernel's command line names (zfsvm.tests, with a
# timeout zfsvm.timeout), and powers off. What the tests print goes to the
# console and to the second serial port, there followed by "exit STATUS". Without
# that line the run has failed.

export PATH=/sbin:/bin LC_ALL=C HOME=/root
/bin/busybox mkdir -p /bin /sbin /usr/bin /etc /proc /sys /dev /tmp /root
/bin/busybox --install -s /bin
# The kernel mounts a snapshot below .zfs by "/usr/bin/env mount".
ln -s /bin/busybox /usr/bin/env
ln -s /proc/self/mounts /etc/mtab
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /tmp

option() { tr ' ' '\n' </proc/cmdline | sed -n "s/^$1=//p"; }

fail() {
	echo "zfs-vm: $*" >/dev/console
	poweroff -f
}

depmod || fail "depmod"
modprobe -a virtio_pci virtio_blk zfs || fail "modprobe"

stty -F /dev/ttyS1 raw -echo || fail "no second serial port"
zfs version || fail "zfs version"
zpool create -O mountpoint=/pool pool /dev/vda1 || fail "zpool create"

cd /zfsstore || fail "no tests"
{
	IOC_TEST_POOL=pool IOC_TEST_DISK=/dev/vdb1 ./go.test -test.v \
		-test.run "$(option zfsvm.tests)" -test.timeout "$(option zfsvm.timeout)" 2>&1
	echo "exit $?"
} | tee /dev/ttyS1
zpool destroy pool || fail "zpool destroy"
poweroff -f
