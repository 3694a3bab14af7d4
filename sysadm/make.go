package sysadm

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/libioc/go-libioc/events"
	"github.com/libioc/go-libioc/internal/shellwords"
	"github.com/libioc/go-libioc/jail"
	"github.com/libioc/go-libioc/release"
)

// createjail creates a jail, named by a UUID as iocage did, with the client's tag.
// With props or switches it is created before the answer (2016), with release or
// template it is a job (unreleased servers of 2017).
func (s *Server) createjail(ctx context.Context, c *call) (any, error) {
	if c.arg("release") != "" || c.arg("template") != "" {
		return s.createJob(ctx, c)
	}
	j, o, err := s.newJail(ctx, c, c.arg("props"), c.arg("switches"))
	if err != nil {
		return nil, err
	}
	if _, err := j.Create(ctx, o); err != nil {
		return nil, err
	}
	_, switched := c.args["switches"]
	if switched {
		return object{"props": c.arg("props"), "switches": c.arg("switches"), "success": object{"uuid": j.Name()}}, nil
	}
	return object{
		"props": c.arg("props"), "switches": "",
		"success": textObject([]string{"  Successfully created: " + label(j)}),
	}, nil
}

// newJail returns the jail that props and switches describe.
func (s *Server) newJail(ctx context.Context, c *call, props, switches string) (j *jail.Jail, o jail.CreateOptions, err error) {
	set, err := s.properties(c, props)
	if err != nil {
		return nil, o, err
	}
	words, _ := shellwords.Split(switches)
	for _, word := range words {
		switch word {
		case "-e":
			o.Scratch = true
		case "-b":
			o.Basejail = true
		case "-c": // every jail's root is a clone
		default:
			return nil, o, toolError("unsupported switch: " + word + "!")
		}
	}
	if !o.Scratch {
		if o.Release = set["release"]; o.Release == "" {
			return nil, o, toolError("Please specify release=RELEASE.")
		}
	}
	delete(set, "release")
	o.Basejail = o.Basejail || set["type"] == "basejail"
	j, err = s.named(ctx, c, set)
	return j, o, err
}

// named returns a new jail with the properties, a UUID as name and, unless it has
// one, the time of creation as tag.
func (s *Server) named(ctx context.Context, c *call, set map[string]string) (*jail.Jail, error) {
	set = maps.Clone(set)
	if set["tag"] == "" {
		set["tag"] = s.host.Now().Local().Format("2006-01-02@15:04:05")
	}
	if err := validTag(set["tag"]); err != nil {
		return nil, err
	}
	c.target = set["tag"]
	name := s.host.NewUUID()
	set["host_hostname"] = cmp.Or(set["host_hostname"], name) // as the tool wrote it
	return jail.New(ctx, s.host, jail.Spec{Name: name, Properties: set})
}

// createJob is the form of createjail with release or template.
func (s *Server) createJob(ctx context.Context, c *call) (any, error) {
	if len(c.args["packages"]) > 0 {
		return nil, toolError("packages are not installed by this server")
	}
	set := map[string]string{}
	if list, ok := texts(c.args["properties"]); ok {
		var err error
		if set, err = s.properties(c, strings.Join(list, " ")); err != nil {
			return nil, err
		}
	}
	o := jail.CreateOptions{Release: c.arg("release")}
	words := []string{"iocage", "create"}
	if name := c.arg("template"); name != "" {
		template, err := s.find(ctx, c, name)
		if err != nil {
			return nil, err
		}
		o = jail.CreateOptions{Template: template.FullName()}
		words = append(words, "-t", name)
	} else {
		r, err := release.New(ctx, s.host, o.Release, "")
		if err != nil {
			return nil, err
		}
		if _, _, err := r.RootSnapshot(ctx); err != nil {
			return nil, err // instead of a job that would fail
		}
		words = append(words, "-r", o.Release)
	}
	j, err := s.named(ctx, c, set)
	if err != nil {
		return nil, err
	}
	for _, key := range slices.Sorted(maps.Keys(set)) {
		words = append(words, key+"="+set[key])
	}
	id := "sysadm_iocage_create_jail_{" + j.Name() + "}"
	_, err = s.start(ctx, c, &job{
		id: id, queue: serial, label: strings.Join(words, " "),
		work: func(ctx context.Context) <-chan events.IocEvent { return j.Generator().Create(o).Events(ctx) },
	})
	return object{"new_dispatcher_id": id}, err
}

// clonejail creates a jail from another one, with that one's properties except
// those in the request.
func (s *Server) clonejail(ctx context.Context, c *call) (any, error) {
	name := c.jailArg()
	source, err := s.find(ctx, c, name)
	if err != nil {
		return nil, err
	}
	set, err := s.properties(c, c.arg("props"))
	if err != nil {
		return nil, err
	}
	j, err := s.named(ctx, c, set)
	if err != nil {
		return nil, err
	}
	if _, err := j.Create(ctx, jail.CreateOptions{Jail: source.FullName()}); err != nil {
		return nil, err
	}
	c.target = name
	return object{
		"jail": name, "props": c.arg("props"),
		"success": textObject([]string{"  Successfully created: " + label(j)}),
	}, nil
}

// destroyjail refuses a running jail, as the documents promise; their server
// stopped it first.
func (s *Server) destroyjail(ctx context.Context, c *call) (any, error) {
	j, err := s.find(ctx, c, c.jailArg())
	if err != nil {
		return nil, err
	}
	lines := []string{"  Destroying: " + j.Name()}
	space, err := j.Space(ctx)
	if err != nil {
		return nil, err
	}
	_, err = j.Destroy(ctx, jail.DestroyOptions{Busy: jail.BusyWait})
	if errors.Is(err, jail.ErrRunning) {
		return nil, toolError("cannot destroy " + label(j) + " - jail is running!")
	}
	if err != nil {
		return nil, err
	}
	if space.Origin != "" {
		lines = append(lines, "  Destroying clone origin: "+space.Origin)
	}
	return object{"success": textObject(lines)}, nil
}

// capjail applies the limits of a running jail again.
func (s *Server) capjail(ctx context.Context, c *call) (any, error) {
	name := c.jailArg()
	j, err := s.find(ctx, c, name)
	if err != nil {
		return nil, err
	}
	if _, err := j.ApplyLimits(ctx, jail.LimitOptions{Busy: jail.BusyWait}); err != nil {
		return nil, err
	}
	return object{"success": "jail " + name + " capped."}, nil
}
