package zfsprop_test

import (
	"fmt"

	"github.com/libioc/go-libioc/zfsstore"
	"github.com/libioc/go-libioc/zfsstore/internal/zfsprop"
)

func Example() {
	quota := zfsprop.Of("2.4").Natives["quota"]
	normal, _ := quota.Check(zfsstore.Filesystem, "10G", false)
	fmt.Println(normal)
	_, words := quota.Check(zfsstore.Volume, "10G", false)
	fmt.Println(words)
	// Output:
	// 10737418240
	// 'quota' does not apply to datasets of this type
}
