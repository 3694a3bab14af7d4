package login_test

import (
	"fmt"
	"time"

	"github.com/libioc/go-libioc/internal/login"
)

// A server asks before it checks a password, and reports the result.
func ExampleGuard() {
	now := time.Unix(1_500_000_000, 0)
	g := &login.Guard{Now: func() time.Time { return now }}
	keys := []login.Key{{Name: "192.0.2.1"}, {Account: true, Name: "root"}}
	for range 6 {
		g.Failed(keys)
	}
	fmt.Println(g.Blocked(keys))
	now = now.Add(2 * time.Second)
	fmt.Println(g.Blocked(keys))
	g.Succeeded(keys)
	fmt.Println(g.Count())
	// Output:
	// 2s
	// 0s
	// 0
}
