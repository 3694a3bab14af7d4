package sysadm

import (
	"context"
	"log/slog"
	"net/netip"
	"time"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/release"
)

// Options say what a [Server] serves and to whom.
type Options struct {
	// Host is the machine. Required.
	Host *host.Host
	// Auth checks logins. Required: every call but rpc/identify needs a login.
	Auth Authenticator
	// AllowExec lets users with the permission run commands in jails, and set the
	// hooks of jails, which run on this machine too. The default is off.
	AllowExec bool
	// Extended sends the progress of jobs to every subscriber, in events that the
	// documents do not have. Otherwise a client gets them if it subscribes to
	// "progress" as well as "dispatcher".
	Extended bool
	// Origins are further hosts, such as "admin.example.org:8443", whose web pages
	// may use the server. Programs send no Origin, or one without a colon, which counts as
	// none.
	Origins []string
	// TrustedProxies are the networks of the proxies in front of the server, such as
	// 127.0.0.1/32. Of what they send, X-Forwarded-For names the client; they must
	// append the address that they were asked from. Without them all clients of a
	// proxy count as one, and one that fails to log in locks out the others.
	TrustedProxies []netip.Prefix
	// Fetch says where fetchreleases gets releases from; the zero value is
	// FreeBSD's own server.
	Fetch release.FetchOptions
	// Plugins is the plugin index. Without it the plugin actions fail.
	Plugins Plugins
	// Logger is the audit log: who did what to which jail, from where, and with
	// what result, at level Info; calls that only read, at Debug. It never gets
	// passwords, tokens or output. The default is no log.
	Logger *slog.Logger
	// Observe, if set, is called after every call, concurrently.
	Observe func(Observation)
	// Limits bound the server's use of time and memory.
	Limits Limits
}

// Limits bound time and memory; zero values are the defaults.
//
// There are three kinds of actions: those that change something, those that ask a
// mirror or the plugin index, and those that only read. Actions that hang thus keep
// only their like from running. One address is one of IPv4, or 64 bits of IPv6; all
// clients of a proxy have its address, unless Options.TrustedProxies has it.
type Limits struct {
	Message     int64         // bytes of a request's body or message; 1 MiB
	Connections int           // WebSocket connections; 1024
	BeforeLogin int           // of these, from one address and not logged in; an eighth
	Actions     int           // actions of one kind that run at a time; 16
	PerClient   int           // the same, of one WebSocket connection; 16
	Queue       int           // events that wait for one subscriber; 256
	Jobs        int           // jobs that run at a time; 4
	JobsPerUser int           // jobs of one user, running or waiting; 16
	Output      int           // bytes of a job's log or a command's output; 256 KiB
	Action      time.Duration // for one action; 10 minutes
	Job         time.Duration // for one job; 6 hours
	Login       time.Duration // until a WebSocket client has logged in; 30 seconds
	Body        time.Duration // for a request's header and body; 10 seconds
	Write       time.Duration // for an answer; 30 seconds
	TokenIdle   time.Duration // until an unused token ends; 15 minutes
	TokenLife   time.Duration // until any token ends; 12 hours
}

func (l *Limits) fill() {
	or(&l.Message, 1<<20)
	or(&l.Connections, 1024)
	or(&l.BeforeLogin, max(1, l.Connections/8))
	or(&l.Actions, 16)
	or(&l.PerClient, 16)
	or(&l.Queue, 256)
	or(&l.Jobs, 4)
	or(&l.JobsPerUser, 16)
	or(&l.Output, 256<<10)
	or(&l.Action, 10*time.Minute)
	or(&l.Job, 6*time.Hour)
	or(&l.Login, 30*time.Second)
	or(&l.Body, 10*time.Second)
	or(&l.Write, 30*time.Second)
	or(&l.TokenIdle, 15*time.Minute)
	or(&l.TokenLife, 12*time.Hour)
}

func or[T int | int64 | time.Duration](p *T, value T) {
	if *p <= 0 {
		*p = value
	}
}

// Observation is one call that was answered.
type Observation struct {
	Transport string // "rest" or "websocket"
	Call      string // "sysadm/iocage/listjails", "rpc/auth", ...; "other" for unknown calls
	Code      int    // HTTP status
	Failed    bool   // the action failed, though Code is 200
	Duration  time.Duration
}

// Stats are what a Server holds at one time.
type Stats struct {
	Connections int    // WebSocket connections
	Subscribers int    // connections that get events
	Tokens      int    // valid logins
	Blocked     int    // addresses and accounts with failed logins
	Jobs        int    // running or waiting
	Dropped     uint64 // events that slow subscribers did not get, since the start
}

// Plugins is an index of plugins: prepared jails that can be fetched and created.
type Plugins interface {
	// List lists what the index has.
	List(ctx context.Context) ([]Plugin, error)
	// Create fetches a plugin and creates its jail. The channel has the events of
	// the operation; see package events.
	Create(ctx context.Context, p PluginRequest) <-chan events.IocEvent
}

// Plugin is an entry of a plugin index.
type Plugin struct {
	ID          string // such as "gitlab"
	Name        string // such as "GitLab"
	Description string
}

// PluginRequest asks for a plugin's jail.
type PluginRequest struct {
	ID string
	// Property is "ip4_addr" or "ip6_addr", and Value its value, such as
	// "re0|10.20.0.130".
	Property, Value string
}
