package sysadm

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime"
	"sync"
	"time"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/internal/login"
)

// Server answers the calls of the class. It is an http.Handler for the dialect
// of 2017; [Server.Handler] returns one for another dialect. A Server is safe for
// concurrent use.
type Server struct {
	opts   Options
	host   *host.Host
	limits Limits
	log    *slog.Logger

	tokens login.Tokens[User]
	guard  login.Guard
	jobs   *jobs
	hub    hub
	slots  slots         // of the actions at work
	logins chan struct{} // one entry per password being checked

	// calls counts running requests, for Shutdown.
	calls sync.WaitGroup
	mu    sync.Mutex
	over  bool
}

// New returns a Server. The error names a missing required option.
func New(o Options) (*Server, error) {
	switch {
	case o.Host == nil:
		return nil, errors.New("sysadm: no Host")
	case o.Auth == nil:
		return nil, errors.New("sysadm: no Auth")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.Limits.fill()
	s := &Server{opts: o, host: o.Host, limits: o.Limits, log: o.Logger}
	s.slots = newSlots(s.limits.Actions)
	s.logins = make(chan struct{}, 2*runtime.GOMAXPROCS(0))
	s.tokens.Idle, s.tokens.Life, s.tokens.Now = s.limits.TokenIdle, s.limits.TokenLife, time.Now
	s.guard.Now = time.Now
	s.hub = hub{server: s, limit: s.limits.Queue}
	s.jobs = newJobs(s)
	return s, nil
}

// ServeHTTP answers in the dialect of 2017.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.serve(w, r, Dialect2017) }

// Handler answers in the given dialect, unless a request asks for another.
func (s *Server) Handler(d Dialect) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, d) })
}

// HTTPServer returns an HTTP server for the handler of the dialect, with limits of
// time and size against clients that send their requests byte by byte. The caller
// sets its address and, unless it serves this machine only, its certificate.
func (s *Server) HTTPServer(d Dialect) *http.Server {
	return &http.Server{
		Handler:           s.Handler(d),
		ReadHeaderTimeout: s.limits.Body,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		// Failed TLS handshakes and broken connections are usually the client's fault.
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request, d Dialect) {
	switch {
	case !s.originAllowed(r):
		s.log.Info("refused origin", "peer", s.peerOf(r), "origin", r.Header.Get("Origin"))
		w.WriteHeader(http.StatusForbidden)
	case isUpgrade(r):
		s.websocket(w, r, d)
	case s.enter():
		defer s.calls.Done()
		s.rest(w, r, d)
	default:
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

// enter counts a call and reports true, unless the server is shutting down.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over {
		s.calls.Add(1)
	}
	return !s.over
}

// Shutdown refuses new calls, waits for running calls and for all jobs, and then
// closes the WebSocket connections. If the context ends first, it cancels the jobs,
// waits until they have rolled back, and returns the context's error. The caller
// shuts down the HTTP server itself afterwards.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.over = true
	s.mu.Unlock()
	done := make(chan struct{})
	go func() {
		s.calls.Wait()
		s.jobs.wait()
		close(done)
	}()
	var err error
	select {
	case <-done:
	case <-ctx.Done():
		err = context.Cause(ctx)
		s.jobs.cancelAll()
		<-done
	}
	s.hub.closeAll()
	return err
}

// Stats returns what the server holds now.
func (s *Server) Stats() Stats {
	st := s.hub.stats()
	st.Tokens, st.Blocked, st.Jobs = s.tokens.Count(), s.guard.Count(), s.jobs.count()
	return st
}

// observe calls Options.Observe.
func (s *Server) observe(r *request, call string, a answer, failed bool, begun time.Time) {
	if s.opts.Observe == nil {
		return
	}
	transport := "rest"
	if r.conn != nil {
		transport = "websocket"
	}
	s.opts.Observe(Observation{transport, call, a.code, failed, time.Since(begun)})
}

// Healthy returns nil if the server accepts calls and the kernel and the pool
// answer. It starts no process.
func (s *Server) Healthy(ctx context.Context) error {
	if s.stopping() {
		return errors.New("shutting down")
	}
	if _, err := s.host.Sources(ctx); err != nil && !errors.Is(err, host.ErrNotActivated) {
		return err
	}
	_, err := s.host.Mounts(ctx)
	return err
}
