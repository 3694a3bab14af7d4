// Command freebsd-bundle makes one tar file that tests this module on a FreeBSD
// machine which has neither Go nor a network.
//
//	go run ./hack/freebsd-bundle -o dist/freebsd-bundle-amd64.tar
//
// The file holds the test binary of every package, cross-compiled, in the
// folder layout of the source tree with sources and testdata folders, the
// binaries of the examples and of hack/torture, and run.sh. On FreeBSD 13.2 or later, as root:
//
//	tar -xf freebsd-bundle-amd64.tar
//	IOC_TEST_BASE=base.txz sh freebsd-bundle-amd64/run.sh
//
// run.sh describes its environment variables at its top.
package main
