package words_test

import (
	"fmt"

	"github.com/libioc/go-libioc/kernel/internal/words"
)

func ExampleNegate() {
	fmt.Println(words.Negate("allow.mount.zfs"), words.Negate("persist"))
	// Output: allow.mount.nozfs nopersist
}
