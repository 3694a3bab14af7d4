package shellwords_test

import (
	"fmt"

	"github.com/libioc/go-libioc/internal/shellwords"
)

func ExampleSplit() {
	words, err := shellwords.Split(`sh -c "echo 'two words'"`)
	fmt.Printf("%q %v\n", words, err)
	// Output: ["sh" "-c" "echo 'two words'"] <nil>
}
