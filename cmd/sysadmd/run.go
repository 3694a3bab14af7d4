package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/release"
	"github.com/libioc/go-libioc/sysadm"
)

// errUsage is a wrong command line, which was told with the usage.
var errUsage = errors.New("usage")

const usage = `usage: sysadmd [-config FILE] [-listen "ADDRESS [2016|2017] [plain|tls]"]
       sysadmd -demo [-demo-dir DIR] [-listen "ADDRESS [2016|2017] [tls]"]
       sysadmd passwd NAME ROLE[,exec]
       sysadmd openapi
       sysadmd -version
`

// run is the program: a subcommand, or the daemon until ctx ends.
func run(ctx context.Context, in io.Reader, out, errs io.Writer, args []string) error {
	if len(args) > 0 {
		switch args[0] {
		case "passwd":
			return passwd(in, out, errs, args[1:])
		case "openapi":
			_, err := out.Write(openAPI())
			return err
		}
	}
	set := flag.NewFlagSet("sysadmd", flag.ContinueOnError)
	set.SetOutput(errs)
	set.Usage = func() {
		fmt.Fprint(errs, usage)
		set.PrintDefaults()
	}
	file := set.String("config", "/usr/local/etc/sysadmd.conf", "configuration file")
	demonstrate := set.Bool("demo", false, "serve a simulated machine with a few jails")
	dir := set.String("demo-dir", "", "with -demo: where it is kept; a temporary directory by default")
	listen := set.String("listen", "", "address to listen on in place of those of the configuration, in its words; with -demo without TLS unless it says tls, port 0 for any")
	version := set.Bool("version", false, "print the version")
	switch err := set.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return errUsage
	case set.NArg() > 0:
		fmt.Fprintf(errs, "unknown argument %q\n", set.Arg(0))
		set.Usage()
		return errUsage
	case *version:
		_, err := fmt.Fprintln(out, "sysadmd", moduleVersion())
		return err
	}
	if *demonstrate {
		return demo(ctx, out, errs, *dir, *listen)
	}
	s, err := readSettings(*file)
	if err != nil {
		return err
	}
	if *listen != "" {
		l, err := parseListener(*listen)
		if err != nil {
			return fmt.Errorf("-listen: %w", err)
		}
		s.listen = []listener{l}
		if err := s.check(); err != nil {
			return err
		}
	}
	log, err := logger(errs, s.level)
	if err != nil {
		return err
	}
	h, err := host.Open(ctx, host.Options{Logger: log})
	if err != nil {
		return err
	}
	users, err := openUserFile(s.users)
	if err != nil {
		return err
	}
	// Finish or undo what an earlier run, of this program or another, left behind.
	if _, err := jail.Recover(ctx, h); err != nil {
		log.Warn("recover jails", "error", err)
	}
	if _, err := release.Recover(ctx, h, jail.NewRunner(h)); err != nil {
		log.Warn("recover releases", "error", err)
	}
	return serve(ctx, out, log, s, sysadm.Options{
		Host: h, Auth: users, AllowExec: s.exec, Extended: s.extended, Origins: s.origins, TrustedProxies: s.proxies,
		Fetch:  release.FetchOptions{Mirror: s.mirror, HTTP: release.HTTPOptions{AllowHTTP: s.allowHTTP}},
		Logger: log, Limits: s.limits,
	})
}

// moduleVersion is the version that the program was built from.
func moduleVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}

func logger(w io.Writer, level string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("log: %w", err)
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: l})), nil
}

// serve listens until ctx ends, then lets calls and jobs end within the grace
// period. It prints its addresses, because the port may have been 0.
func serve(ctx context.Context, out io.Writer, log *slog.Logger, s settings, o sysadm.Options) error {
	m := newMetrics()
	o.Observe = m.observe
	server, err := sysadm.New(o)
	if err != nil {
		return err
	}
	m.watch(server)
	var servers []*http.Server
	failed := make(chan error, len(s.listen)+1)
	begin := func(what string, l net.Listener, hs *http.Server) {
		servers = append(servers, hs)
		fmt.Fprintf(out, "%s on %s\n", what, l.Addr())
		go func() {
			if err := hs.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				failed <- err
			}
		}()
	}
	defer func() {
		for _, hs := range servers {
			hs.Close()
		}
	}()
	for _, l := range s.listen {
		sock, err := l.open(ctx, s)
		if err != nil {
			return err
		}
		begin("SysAdm "+l.dialect.String(), sock, server.HTTPServer(l.dialect))
	}
	if s.metrics != "" {
		sock, err := new(net.ListenConfig).Listen(ctx, "tcp", s.metrics)
		if err != nil {
			return err
		}
		begin("metrics", sock, &http.Server{Handler: m.handler(server), ReadHeaderTimeout: 5 * time.Second})
	}
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	log.Info("shutting down", "jobs", server.Stats().Jobs)
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.grace)
	defer cancel()
	err = server.Shutdown(stop)
	for _, hs := range servers {
		err = errors.Join(err, hs.Shutdown(stop))
	}
	return err
}

// open binds the listener's address, with TLS unless it is plain.
func (l listener) open(ctx context.Context, s settings) (net.Listener, error) {
	if path, ok := strings.CutPrefix(l.address, "unix:"); ok {
		return listenUnix(ctx, path)
	}
	sock, err := new(net.ListenConfig).Listen(ctx, "tcp", l.address)
	if err != nil || l.plain {
		return sock, err
	}
	cert, err := certificate(s)
	if err != nil {
		sock.Close()
		return nil, err
	}
	return tls.NewListener(sock, &tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}, NextProtos: []string{"http/1.1"},
	}), nil
}

// listenUnix makes a socket that only its owner can use. A socket left by an earlier
// run is replaced; any other file in its place is not touched.
func listenUnix(ctx context.Context, path string) (net.Listener, error) {
	if info, err := os.Lstat(path); err == nil && info.Mode().Type() == os.ModeSocket {
		if c, err := new(net.Dialer).DialContext(ctx, "unix", path); err == nil {
			c.Close()
			return nil, fmt.Errorf("%s: in use by another program", path)
		}
		os.Remove(path)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	return l, os.Chmod(path, 0o600)
}
