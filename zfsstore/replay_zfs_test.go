package zfsstore_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/libioc/go-libioc/zfsstore"
	"github.com/libioc/go-libioc/zfsstore/internal/zfsname"
	"github.com/libioc/go-libioc/zfsstore/internal/zfsprop"
)

// parsed is a zfs(8) command line taken apart.
type parsed struct {
	flags      string
	options    map[string]string
	properties map[string]string
	operands   []string
	input      string
	output     string
}

// parseArgs knows which options of the recordings take an argument.
func parseArgs(args []string, valued string, assignments bool) parsed {
	p := parsed{options: make(map[string]string)}
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case a == "<" || a == ">":
			if a == "<" {
				p.input = args[i+1]
			} else {
				p.output = args[i+1]
			}
			i++
		case len(a) == 2 && a[0] == '-' && strings.Contains(valued, a[1:]) && i+1 < len(args):
			i++
			if a == "-o" && assignments {
				if p.properties == nil {
					p.properties = make(map[string]string)
				}
				name, value, _ := strings.Cut(args[i], "=")
				p.properties[name] = value
			} else {
				p.options[a[1:]] = args[i]
			}
		case len(a) > 1 && a[0] == '-':
			p.flags += a[1:]
		default:
			p.operands = append(p.operands, a)
		}
	}
	return p
}

func (p parsed) has(flag string) bool { return strings.Contains(p.flags, flag) }

// flagsOf are the flags of each subcommand that the replay understands. A line with another
// one is not replayed: the flag would be passed over.
var flagsOf = map[string]string{
	"create": "pu", "snapshot": "r", "clone": "p", "destroy": "rRfdn", "promote": "", "rename": "pr", "mount": "", "unmount": "f",
	"rollback": "rR", "hold": "r", "release": "r", "jail": "", "unjail": "", "set": "", "inherit": "r", "send": "", "receive": "FsA",
	"list": "Hpr", "get": "Hpr",
}

// zfs runs one command of zfs(8).
func (r *replayer) zfs(args []string, input io.Reader) output {
	ctx := context.Background()
	op, valued := args[0], map[string]string{"create": "oV", "list": "otdsS", "get": "otsd", "clone": "o", "snapshot": "o", "send": "i"}[args[0]]
	p := parseArgs(args[1:], valued, op != "list" && op != "get")
	operands := map[string]int{
		"create": 1, "snapshot": 1, "clone": 2, "destroy": 1, "promote": 1, "rename": 2, "mount": 1, "unmount": 1, "rollback": 1,
		"hold": 2, "release": 2, "jail": 2, "unjail": 2, "send": 1, "receive": 1, "set": 2, "inherit": 2,
	}
	if other := strings.Trim(p.flags, flagsOf[op]); other != "" {
		return output{unknown: "zfs " + op + " -" + other}
	}
	want, known := operands[op]
	if known && len(p.operands) != want && (op != "snapshot" || len(p.operands) == 0) {
		return output{unknown: "a usage error"}
	}
	arg := func(i int) string { return p.operands[i] }
	switch op {
	case "create":
		opts := zfsstore.CreateOptions{Properties: p.properties, Parents: p.has("p"), NoMount: p.has("u")}
		if size, ok := p.options["V"]; ok {
			opts.VolumeSize, _ = zfsprop.ParseSize(size)
		}
		return answer(r.s.Create(ctx, arg(0), opts))
	case "snapshot":
		return r.snapshots(ctx, p)
	case "clone":
		return answer(r.s.Clone(ctx, arg(0), arg(1), zfsstore.CloneOptions{Properties: p.properties, Parents: p.has("p")}))
	case "destroy":
		if p.has("n") {
			return r.wouldDestroy(ctx, arg(0), p.has("r") || p.has("R"))
		}
		return answer(r.s.Destroy(ctx, arg(0), zfsstore.DestroyOptions{Recursive: p.has("r"), Dependents: p.has("R"), Force: p.has("f"), Defer: p.has("d")}))
	case "promote":
		return answer(r.s.Promote(ctx, arg(0)))
	case "rename":
		return answer(r.s.Rename(ctx, arg(0), arg(1), zfsstore.RenameOptions{Parents: p.has("p"), Recursive: p.has("r")}))
	case "mount":
		return answer(r.s.Mount(ctx, arg(0)))
	case "unmount":
		return answer(r.s.Unmount(ctx, arg(0), p.has("f")))
	case "rollback":
		return answer(r.s.Rollback(ctx, arg(0), zfsstore.RollbackOptions{Recent: p.has("r"), Dependents: p.has("R")}))
	case "hold":
		return answer(r.s.Hold(ctx, arg(1), arg(0), p.has("r")))
	case "release":
		return answer(r.s.Release(ctx, arg(1), arg(0), p.has("r")))
	case "jail":
		return answer(r.s.Jail(ctx, arg(0), arg(1)))
	case "unjail":
		return answer(r.s.Unjail(ctx, arg(0), arg(1)))
	case "set":
		name, value, _ := strings.Cut(arg(0), "=")
		return answer(r.s.Set(ctx, arg(1), map[string]string{name: value}))
	case "inherit":
		return answer(r.s.Inherit(ctx, arg(1), arg(0), p.has("r")))
	case "send":
		return r.send(ctx, p)
	case "receive":
		return r.receive(ctx, p, input)
	case "list":
		return r.list(ctx, p)
	case "get":
		return r.get(ctx, p)
	}
	return output{unknown: "zfs " + op}
}

// snapshots takes several, all or none, as zfs-snapshot(8) does.
func (r *replayer) snapshots(ctx context.Context, p parsed) output {
	opts := zfsstore.SnapshotOptions{Recursive: p.has("r"), Properties: p.properties}
	for i, name := range p.operands {
		err := r.s.Snapshot(ctx, name, opts)
		if err == nil {
			continue
		}
		for _, made := range p.operands[:i] {
			err = errors.Join(err, r.s.Destroy(ctx, made, zfsstore.DestroyOptions{Recursive: opts.Recursive}))
		}
		return answer(err)
	}
	return output{}
}

// wouldDestroy is destroy -n: it tells what would refuse, and destroys nothing.
func (r *replayer) wouldDestroy(ctx context.Context, name string, recursive bool) output {
	found, err := r.s.List(ctx, name, zfsstore.ListOptions{Types: []zfsstore.Type{zfsstore.Filesystem, zfsstore.Volume, zfsstore.Snapshot}})
	if err == nil && len(found) > 1 && !recursive {
		err = &zfsstore.Error{Op: "destroy", Dataset: name, ExitCode: 1, Err: zfsstore.ErrHasChildren}
	}
	return answer(err)
}

func (r *replayer) send(ctx context.Context, p parsed) output {
	stream, err := r.s.Send(ctx, p.operands[0], zfsstore.SendOptions{From: p.options["i"]})
	if err != nil {
		return answer(err)
	}
	var to bytes.Buffer
	if err := sendTo(&to, stream); err != nil {
		return answer(err)
	}
	return answer(os.WriteFile(r.path(p.output), to.Bytes(), 0o644))
}

func (r *replayer) receive(ctx context.Context, p parsed, input io.Reader) output {
	if p.has("s") || p.has("A") {
		return output{unknown: "resumable streams"}
	}
	if p.input != "" {
		f, err := os.Open(r.path(p.input))
		if err != nil {
			return answer(err)
		}
		defer f.Close()
		input = f
	}
	return answer(r.s.Receive(ctx, p.operands[0], input, zfsstore.ReceiveOptions{Force: p.has("F")}))
}

// column is the value of a column of zfs list.
func column(d zfsstore.Dataset, name string) string {
	switch name {
	case "name":
		return d.Name
	case "type":
		return string(d.Type)
	case "used", "avail", "refer", "creation":
		return "*"
	}
	if p, ok := d.Properties[name]; ok {
		return cmp.Or(p.Value, "-")
	}
	return "-"
}

func (r *replayer) list(ctx context.Context, p parsed) output {
	opts := zfsstore.ListOptions{}
	for _, t := range strings.Split(p.options["t"], ",") {
		switch t {
		case "all":
			opts.Types = []zfsstore.Type{zfsstore.Filesystem, zfsstore.Volume, zfsstore.Snapshot}
		case "":
		default:
			opts.Types = append(opts.Types, zfsstore.Type(t))
		}
	}
	opts.Depth, _ = strconv.Atoi(p.options["d"])
	columns := strings.Split(p.options["o"], ",")
	for _, c := range columns {
		if _, native := r.rules.Natives[c]; native || !slices.Contains([]string{"", "name", "avail", "refer"}, c) {
			opts.Properties = append(opts.Properties, c)
		}
	}
	recursive := p.has("r") || p.options["d"] != ""
	var found []zfsstore.Dataset
	out := output{columns: columns}
	roots := p.operands
	if len(roots) == 0 {
		roots, recursive = []string{""}, true
	}
	for _, root := range roots {
		var some []zfsstore.Dataset
		var err error
		if recursive {
			some, err = r.s.List(ctx, root, opts)
		} else {
			var d zfsstore.Dataset
			d, err = r.s.Get(ctx, root, zfsstore.GetOptions{Properties: opts.Properties})
			some = []zfsstore.Dataset{d}
		}
		if err != nil {
			one := answer(err)
			out.stderr, out.exit, out.err = out.stderr+one.stderr, one.exit, err
			continue
		}
		found = append(found, some...)
	}
	// The machine may have other pools.
	found = slices.DeleteFunc(found, func(d zfsstore.Dataset) bool { return zfsname.Pool(d.Name) != "zroot" })
	slices.SortStableFunc(found, func(a, b zfsstore.Dataset) int {
		aOf, _ := zfsname.Split(a.Name)
		bOf, _ := zfsname.Split(b.Name)
		return cmp.Compare(aOf, bOf)
	})
	for _, d := range found {
		var line []string
		for _, c := range columns {
			line = append(line, column(d, c))
		}
		out.stdout += strings.Join(line, "\t") + "\n"
	}
	return out
}

func (r *replayer) get(ctx context.Context, p parsed) output {
	columns := strings.Split(cmp.Or(p.options["o"], "name,property,value,source"), ",")
	names := strings.Split(p.operands[0], ",")
	if slices.Contains(names, "receive_resume_token") {
		return output{unknown: "resumable streams"}
	}
	var found []zfsstore.Dataset
	var err error
	if p.has("r") {
		found, err = r.s.List(ctx, p.operands[1], zfsstore.ListOptions{Types: []zfsstore.Type{zfsstore.Filesystem, zfsstore.Volume, zfsstore.Snapshot}, Properties: names})
	} else {
		var d zfsstore.Dataset
		d, err = r.s.Get(ctx, p.operands[1], zfsstore.GetOptions{Properties: names})
		found = []zfsstore.Dataset{d}
	}
	if err != nil {
		return answer(err)
	}
	out := output{columns: columns}
	for _, d := range found {
		shown := names
		if names[0] == zfsstore.AllProperties {
			shown = slices.DeleteFunc(slices.Clone(r.rules.Order), func(n string) bool { _, ok := d.Properties[n]; return !ok })
			for _, n := range slices.Sorted(maps.Keys(d.Properties)) {
				if strings.Contains(n, ":") {
					shown = append(shown, n)
				}
			}
		}
		for _, n := range shown {
			property, ok := d.Properties[n]
			if !ok {
				property = zfsstore.Property{Value: "-", Source: zfsstore.SourceNone}
			}
			if s := p.options["s"]; s != "" && string(property.Source) != s {
				continue
			}
			values := map[string]string{"name": d.Name, "property": n, "value": property.Value, "source": string(property.Source)}
			var line []string
			for _, c := range columns {
				line = append(line, values[c])
			}
			out.stdout += strings.Join(line, "\t") + "\n"
		}
	}
	return out
}
