package sysadm

import (
	"context"
	"errors"
	"strings"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/jail"
)

// startjail and stopjail answer with the lines of iocage's tool below the jail's
// name as the client wrote it, also for failures, with the whole reason.
func (s *Server) startjail(ctx context.Context, c *call) (any, error) {
	return s.lines(ctx, c, func(j *jail.Jail) ([]string, error) {
		all, err := j.Start(ctx, jail.StartOptions{Busy: jail.BusyWait})
		switch {
		case err == nil:
			s.started(ctx, j)
		case errors.Is(err, jail.ErrRunning):
			return []string{"  INFO: " + label(j) + " is already up"}, nil
		case errors.Is(err, jail.ErrTemplate):
			return []string{
				"  INFO: " + tagOf(j) + " is a template jail, ignoring start request.",
				"  (disable template flag with: iocage set template=no " + tagOf(j) + ")",
			}, nil
		}
		return startLines(j, all, err), err
	}), nil
}

// started writes down when the jail was started, as the tool did.
func (s *Server) started(ctx context.Context, j *jail.Jail) {
	now := map[string]string{"last_started": s.host.Now().Local().Format("2006-01-02_15:04:05")}
	if _, err := j.Set(ctx, now, jail.SetOptions{Busy: jail.BusyWait}); err != nil {
		s.log.Warn("write last_started", "jail", j.FullName(), "error", err)
	}
}

// stopjail goes on when a hook fails, as the tool does: it says FAILED, and the jail can be
// got rid of.
func (s *Server) stopjail(ctx context.Context, c *call) (any, error) {
	return s.lines(ctx, c, func(j *jail.Jail) ([]string, error) {
		running, err := j.Running(ctx)
		if err == nil && !running {
			return []string{"  INFO: " + label(j) + " is already down"}, nil
		}
		all, err := j.Stop(ctx, jail.StopOptions{Busy: jail.BusyWait})
		if _, failed := errors.AsType[*jail.HookError](err); failed {
			c.reason = err
			var more []events.IocEvent
			more, err = j.Stop(ctx, jail.StopOptions{Force: true, Busy: jail.BusyWait})
			all = append(all, more...)
		}
		return stopLines(j, all, err), err
	}), nil
}

func (s *Server) lines(ctx context.Context, c *call, do func(j *jail.Jail) ([]string, error)) object {
	name := c.jailArg()
	j, err := s.find(ctx, c, name)
	if err != nil {
		c.failed, c.reason = true, err
		text := strings.TrimPrefix(c.words(err), toolError("").Error())
		return object{name: textObject([]string{toolError(text).Error()})}
	}
	lines, err := do(j)
	if c.failed = err != nil; c.failed {
		c.reason = err
	}
	out := textObject(lines)
	if err != nil {
		out["ERROR"] = " " + err.Error() // the rule of textObject would cut it at a colon
	}
	return object{name: out}
}

// startLines returns what iocage's tool printed when it started a jail, and
// nothing else, except the reason of a failure.
func startLines(j *jail.Jail, all []events.IocEvent, err error) []string {
	out := []string{"* Starting " + label(j)}
	started := "  + Started (shared IP mode) OK"
	if property(j, "vnet") == "yes" {
		started = "  + Started OK"
	}
	network := ""
	for _, e := range all {
		switch e.(type) {
		case events.JailAttach:
			out = step(out, e, started, "")
		case events.VnetInterfaceConfig:
			if e.Head().State.Final() && network != "  + Configuring VNET FAILED" {
				network = step(nil, e, "  + Configuring VNET OK", "  + Configuring VNET FAILED")[0]
			}
		case events.JailResourceLimitAction:
			out = step(out, e, "  + Applying resource limits OK", "")
		case events.JailCpuset:
			out = step(out, e, "  + Appliyng CPU affinity OK", "") // the tool's spelling
		case events.JailHookStart:
			out = step(out, e, "  + Starting services        OK", "  + Starting services        FAILED")
		}
	}
	if network != "" {
		out = append(out, network)
	}
	if err != nil {
		out = append(out, "! Start                      FAILED", "  ERROR: "+err.Error())
	}
	return out
}

// stopLines returns the lines of a stop. The tool ran and reported hooks even if
// they were empty.
func stopLines(j *jail.Jail, all []events.IocEvent, err error) []string {
	out := []string{"* Stopping " + label(j)}
	pre, post, vnet := "OK", "OK", ""
	for _, e := range all {
		failed := hookFailed(e)
		switch e.(type) {
		case events.JailHookPrestop:
			if failed {
				pre = "FAILED"
			}
		case events.JailHookPoststop:
			if failed {
				post = "FAILED"
			}
		case events.JailHookStop:
			if failed {
				out = append(out, "  + Stopping services        FAILED")
			} else {
				out = step(out, e, "  + Stopping services        OK", "")
			}
		case events.VnetInterfaceConfig, events.JailNetworkTeardown:
			if e.Head().State.Final() && property(j, "vnet") == "yes" {
				vnet = step(nil, e, "  + Tearing down VNET        OK", "  + Tearing down VNET        FAILED")[0]
			}
		case events.JailRemove:
			out = step(out, e, "  + Removing jail process    OK", "  + Removing jail processFAILED") // sic
		}
	}
	out = append(out, "  + Running pre-stop         "+pre)
	if vnet != "" {
		out = append(out, vnet)
	}
	if err == nil || post != "OK" {
		out = append(out, "  + Running post-stop        "+post)
	}
	if err != nil {
		out = append(out, "  ERROR: "+err.Error())
	}
	return out
}

// hookFailed reports whether the event of a hook says that it failed, also if the stop went
// on then.
func hookFailed(e events.IocEvent) bool {
	h := e.Head()
	return h.State == events.Failed || h.State == events.Skipped && h.Message != "" && h.Message != "not running"
}

// step adds the line for the end of a step. A skipped step prints nothing, and
// some lines have no failed form.
func step(out []string, e events.IocEvent, done, failed string) []string {
	switch e.Head().State {
	case events.Done:
		return append(out, done)
	case events.Failed:
		if failed != "" {
			return append(out, failed)
		}
	}
	return out
}
