package ignore_test

import (
	"fmt"
	"io/fs"
	"os"

	"github.com/libioc/go-libioc/internal/ignore"
)

func ExampleErr() {
	err := os.Remove("no such file")
	fmt.Println(err != nil, ignore.Err(err, fs.ErrNotExist))
	// Output: true <nil>
}
