package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"time"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/release"
	"github.com/libioc/go-libioc/release/releasetest"
	"github.com/libioc/go-libioc/sysadm"
)

// demoReleases are the releases of the demonstration's mirror, which runs in this
// process. The first one is fetched before the daemon listens.
var demoReleases = []string{"13.2-RELEASE", "13.3-RELEASE", "14.1-RELEASE"}

// demo serves a simulated machine with a few jails, to try every action on any
// system.
func demo(ctx context.Context, out, errs io.Writer, dir, listen string) error {
	h, err := simhost.New(dir)
	if err != nil {
		return err
	}
	defer h.Close()
	mirror := httptest.NewServer(demoMirror())
	defer mirror.Close()
	fetch := release.FetchOptions{Mirror: mirror.URL, HTTP: release.HTTPOptions{AllowHTTP: true}}
	if err := furnish(ctx, h, fetch); err != nil {
		return fmt.Errorf("furnish the simulated machine: %w", err)
	}
	log, err := logger(errs, "info")
	if err != nil {
		return err
	}
	s := defaults()
	s.grace = 10 * time.Second
	if listen != "" {
		l, err := parseListener(listen)
		if err != nil {
			return fmt.Errorf("-listen: %w", err)
		}
		l.plain = !l.tls
		s.listen = []listener{l}
		if s.state, err = os.MkdirTemp("", "sysadmd"); err != nil { // for the certificate
			return err
		}
		defer os.RemoveAll(s.state)
		s.metrics = net.JoinHostPort("127.0.0.1", "0")
	}
	if err := s.check(); err != nil {
		return err
	}
	fmt.Fprintln(out, "a simulated machine; the user is demo, the password demo")
	return serve(ctx, out, log, s, sysadm.Options{
		Host: h.Host, Auth: demoUser{}, AllowExec: true, Fetch: fetch, Logger: log,
	})
}

// furnish fetches a release and creates jails from it, unless an earlier run did.
func furnish(ctx context.Context, h *simhost.Host, fetch release.FetchOptions) error {
	r, err := release.New(ctx, h.Host, demoReleases[0], "")
	if err != nil {
		return err
	}
	if fetched, err := r.Fetched(ctx); err != nil || fetched {
		return err
	}
	if err := events.Wait(ctx, r.Fetch(ctx, fetch)); err != nil {
		return err
	}
	for _, spec := range []jail.Spec{
		{Name: "web", Properties: map[string]string{"boot": "yes", "ip4_addr": "em0|192.0.2.10/24"}},
		{Name: "db", Properties: map[string]string{"priority": "10", "ip4_addr": "em0|192.0.2.11/24"}},
		{Name: h.NewUUID(), Properties: map[string]string{"tag": "test"}},
	} {
		j, err := jail.New(ctx, h.Host, spec)
		if err != nil {
			return err
		}
		if _, err := j.Create(ctx, jail.CreateOptions{Release: r.FullName(), Basejail: spec.Name == "db"}); err != nil {
			return err
		}
	}
	web, err := jail.Load(ctx, h.Host, "web")
	if err != nil {
		return err
	}
	_, err = web.Start(ctx, jail.StartOptions{})
	return err
}

// demoMirror serves all releases of the demonstration, like download.freebsd.org.
func demoMirror() http.Handler {
	mux := http.NewServeMux()
	for _, name := range demoReleases {
		mux.Handle("/"+name+"/", releasetest.Mirror(name))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/") {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<html><body><pre><a href=\"../\">../</a>\n")
		for _, name := range demoReleases {
			fmt.Fprintf(w, "<a href=\"%[1]s/\">%[1]s/</a>\n", name)
		}
		fmt.Fprint(w, "</pre></body></html>\n")
	})
	return mux
}

// demoUser is the one user of the demonstration.
type demoUser struct{}

func (demoUser) Authenticate(_ context.Context, name, password string) (sysadm.User, error) {
	if name != "demo" || password != "demo" {
		return sysadm.User{}, sysadm.ErrLogin
	}
	return sysadm.User{Name: name, Role: sysadm.RoleAdmin, Exec: true}, nil
}
