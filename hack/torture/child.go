package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// said is what workers said before they were killed.
type said struct {
	began      int // operations
	byHand     int
	unexpected []string
	lines      []string // the newest
}

// newestLines is how many lines of a worker are kept, to be shown with what is wrong.
const newestLines = 200

// child is a worker that runs.
type child struct {
	cmd  *exec.Cmd
	mu   sync.Mutex
	said said
	// ripe is closed once it has begun so many operations, done once it has ended.
	ripe, done chan struct{}
}

// start starts a worker. It is to be killed once it has begun so many operations.
func (o options) start(ctx context.Context, life uint64, programs, operations int, byHand, full bool) (*child, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	args := append([]string{}, o.childArgs...)
	args = append(args, "-worker", "-dir", o.dir, fmt.Sprintf("-real=%v", o.real), "-pool", o.pool, "-archive", o.archive,
		"-life", fmt.Sprint(life), "-programs", fmt.Sprint(programs), fmt.Sprintf("-byhand=%v", byHand), fmt.Sprintf("-full=%v", full))
	c := &child{cmd: exec.CommandContext(ctx, exe, args...), ripe: make(chan struct{}), done: make(chan struct{})}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.cmd.Stderr = c.cmd.Stdout
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(c.done)
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			c.line(lines.Text(), operations)
		}
	}()
	return c, nil
}

func (c *child) line(line string, operations int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch word, _, _ := strings.Cut(line, " "); {
	case word == begun:
		if c.said.began++; c.said.began == operations {
			close(c.ripe)
		}
	case strings.HasPrefix(line, doneByHand):
		c.said.byHand++
	case word == unexpected:
		c.said.unexpected = append(c.said.unexpected, line)
	}
	if len(c.said.lines) == newestLines {
		c.said.lines = c.said.lines[1:]
	}
	c.said.lines = append(c.said.lines, line)
}

// kill kills the worker the delay after it has begun its operations, and returns what
// it said.
func (c *child) kill(delay time.Duration) (said, error) {
	var early error
	select {
	case <-c.ripe:
		time.Sleep(delay)
	case <-c.done:
		early = errors.New("a worker ended by itself")
	}
	killed := c.cmd.Process.Kill()
	// What it started may hold the pipe; that is cut when the process is waited for.
	select {
	case <-c.done:
	case <-time.After(10 * time.Second):
	}
	_ = c.cmd.Wait()
	<-c.done
	if early == nil && killed != nil {
		early = fmt.Errorf("kill a worker: %w", killed)
	}
	if early != nil {
		early = fmt.Errorf("%w: %s", early, strings.Join(c.said.lines, "\n"))
	}
	return c.said, early
}
