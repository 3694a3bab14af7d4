package sysadm

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/catch"
)

// The queues of SysAdm's dispatcher. Jobs of the first run in parallel, those of
// the second one after another.
const (
	parallel = "no_queue"
	serial   = "iocage_queue"
)

// jobs are the long operations that clients have asked for.
type jobs struct {
	server *Server
	slots  chan struct{} // one entry per running job
	single chan struct{} // one entry while a job of the serial queue runs

	mu    sync.Mutex
	all   []*job // in the order of their requests
	alive sync.WaitGroup
}

// job is one operation. The documents identify it by an id and a command line.
// The line is never run: it is the key under which clients find the log.
type job struct {
	id, queue, label, user string
	api                    Dialect // of the request, for conn; others have their own
	conn                   *conn   // nil with REST
	work                   func(ctx context.Context) <-chan events.IocEvent

	ctx    context.Context
	cancel context.CancelFunc

	running  bool // below jobs.mu
	started  time.Time
	finished time.Time
	log      strings.Builder
	cut      bool // the log is full
	code     int
}

func newJobs(s *Server) *jobs {
	return &jobs{server: s, slots: make(chan struct{}, s.limits.Jobs), single: make(chan struct{}, 1)}
}

// start starts a job, unless its id is in use or the user has too many.
func (s *Server) start(ctx context.Context, c *call, j *job) (bool, error) {
	q := s.jobs
	q.mu.Lock()
	defer q.mu.Unlock()
	own := 0
	for _, other := range q.all {
		if other.id == j.id {
			return false, nil
		}
		if other.user == c.user.Name && other.ctx.Err() == nil {
			own++ // one that was killed may be rolling back for long
		}
	}
	if own >= s.limits.JobsPerUser {
		return false, toolError("too many jobs of " + c.user.Name)
	}
	j.user, j.api, j.conn = c.user.Name, c.api, c.conn
	// The job outlives the call and the connection.
	j.ctx, j.cancel = context.WithTimeout(context.WithoutCancel(ctx), s.limits.Job)
	q.all = append(q.all, j)
	q.alive.Go(func() { q.run(j) })
	return true, nil
}

func (q *jobs) run(j *job) {
	defer j.cancel()
	if j.queue == serial {
		defer j.take(q.single)()
	}
	defer j.take(q.slots)()
	q.mu.Lock()
	j.running = true
	j.started = q.server.host.Now()
	q.mu.Unlock()
	q.server.hub.send(j, j.begun, false)
	if j.ctx.Err() != nil {
		j.code = -1 // killed while it waited: could not start
		j.add("canceled before it began", q.server.limits.Output)
	} else {
		err := catch.Panic(func() error { q.follow(j); return nil })
		if err != nil {
			j.code = 1
			j.add(err.Error(), q.server.limits.Output)
			q.server.log.Error("job", "job", j.id, "error", err)
		}
	}
	j.finished = q.server.host.Now()
	q.mu.Lock()
	q.all = slices.DeleteFunc(q.all, func(other *job) bool { return other == j })
	q.mu.Unlock()
	q.server.hub.send(j, j.ended, false)
	q.server.log.Info("job", "user", j.user, "job", j.id, "code", j.code)
}

// take waits for a place, unless the job is killed. It returns a function that gives the
// place back.
func (j *job) take(place chan struct{}) (leave func()) {
	select {
	case place <- struct{}{}:
		return func() { <-place }
	case <-j.ctx.Done():
		return func() {}
	}
}

// follow runs the operation, logs its events and sends its progress.
func (q *jobs) follow(j *job) {
	var last error
	for e := range j.work(j.ctx) {
		last = e.Head().Err
		if e.Head().State.Final() {
			j.add(events.Line(e), q.server.limits.Output)
		}
		q.server.hub.send(j, func(Dialect) object { return j.progress(e) }, true)
	}
	switch {
	case last == nil:
	case j.ctx.Err() != nil:
		j.code = 15 // as a tool that was killed: SIGTERM
	default:
		j.code = 1
	}
}

// add appends a line to the log, which keeps its beginning.
func (j *job) add(line string, limit int) {
	switch {
	case j.cut:
	case j.log.Len()+len(line) > limit:
		j.cut = true
		j.log.WriteString("...\n")
	default:
		j.log.WriteString(line + "\n")
	}
}

// begun and ended return the two events of the documents.
func (j *job) begun(Dialect) object {
	return object{"process_id": j.id, "state": "running"}
}

func (j *job) ended(d Dialect) object {
	const local = "2006-01-02T15:04:05"
	out := object{
		"cmd_list": []string{j.label}, "state": "finished",
		"time_started": j.started.Local().Format(local), "time_finished": j.finished.Local().Format(local),
	}
	code := strconv.Itoa(j.code)
	if d != Dialect2017 {
		out["proc_id"], out["success"] = j.id, strconv.FormatBool(j.code == 0)
		log := "[Running Command: " + j.label + " ]" + j.log.String()
		if j.code != 0 {
			log += "\n[Command Failed: " + code + " ]"
		}
		out["log"] = log
		return out
	}
	out["process_id"], out[j.label], out["return_codes/"+j.label] = j.id, j.log.String(), code
	return out
}

// progress returns an event of this library, in the form that other classes of
// SysAdm use.
func (j *job) progress(e events.IocEvent) object {
	out := object{
		"event_system": "sysadm/iocage", "state": "running", "message": events.Line(e),
		"process_details": object{"process_id": j.id, "state": "running", "cmd_list": []string{j.label}},
	}
	if done, total := events.Bytes(e); total > 0 {
		out["percent"] = strconv.FormatInt(100*done/total, 10)
	}
	return out
}

// list returns the answer to rpc/dispatcher's list.
func (q *jobs) list() object {
	q.mu.Lock()
	defer q.mu.Unlock()
	out := object{}
	for _, j := range q.all {
		in, there := out[j.queue].(object)
		if !there {
			in = object{}
			out[j.queue] = in
		}
		state := object{"commands": []string{j.label}, "state": "pending"}
		if j.running {
			state["state"] = "running"
		}
		if j.queue == serial {
			state["queue_position"] = strconv.Itoa(len(in))
		}
		in[j.id] = state
	}
	return out
}

// kill cancels jobs, which then roll back. One that waits is gone at once, and its id is
// free. Unknown ids are ignored.
func (q *jobs) kill(ids []string) []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	killed := []string{}
	for _, j := range q.all {
		if slices.Contains(ids, j.id) {
			j.cancel()
			killed = append(killed, j.id)
		}
	}
	q.all = slices.DeleteFunc(q.all, func(j *job) bool { return !j.running && j.ctx.Err() != nil })
	return killed
}

func (q *jobs) cancelAll() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, j := range q.all {
		j.cancel()
	}
}

func (q *jobs) count() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.all)
}

// wait returns once no job is left. No job is started in the meantime.
func (q *jobs) wait() { q.alive.Wait() }
