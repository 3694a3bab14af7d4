package sysadm_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/sysadm"
)

// one is an Authenticator for a single user.
type one struct{ name, password string }

func (o one) Authenticate(_ context.Context, name, password string) (sysadm.User, error) {
	if name != o.name || password != o.password {
		return sysadm.User{}, sysadm.ErrLogin
	}
	return sysadm.User{Name: name, Role: sysadm.RoleAdmin}, nil
}

// A server for a simulated machine, asked once over REST.
func ExampleServer() {
	h, err := simhost.New("")
	check(err)
	defer h.Close()

	srv, err := sysadm.New(sysadm.Options{Host: h.Host, Auth: one{"alice", "secret"}})
	check(err)
	web := httptest.NewServer(srv.Handler(sysadm.Dialect2017))
	defer web.Close()

	r, err := http.NewRequest(http.MethodPut, web.URL+"/sysadm/iocage", strings.NewReader(`{"action":"activatestatus"}`))
	check(err)
	r.SetBasicAuth("alice", "secret")
	answer, err := http.DefaultClient.Do(r)
	check(err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	check(err)
	fmt.Printf("%s\n%s", answer.Status, text)
	// Output:
	// 200 OK
	// {
	//     "args": {
	//         "activatestatus": {
	//             "activated": "true",
	//             "pool": "zroot"
	//         }
	//     }
	// }
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
