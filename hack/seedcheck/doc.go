// Seedcheck proves that sysadm/testdata holds every JSON block that the four
// published documents of SysAdm's iocage class print, word for word, and that
// the documents themselves are the ones with the checksums kept there.
//
//	go run ./hack/seedcheck            compare
//	go run ./hack/seedcheck -write     write the files again
//
// The documents are not part of this repository. Without them (-seeds names
// their folder, by default ../shared/seeds) there is nothing to compare, and
// seedcheck says so and ends well.
package main
