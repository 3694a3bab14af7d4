// Package cmdline writes the command lines of zfs(8) and zpool(8), without the
// program's name: what zfsstore.Exec runs, and what the errors and calls of
// zfsstore/simzfs name.
//
// Its structs have the fields of zfsstore's options, which convert to them:
// cmdline.Create(opts).Args(name).
package cmdline

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// flag adds an option if it is on.
func flag(args []string, on bool, name string) []string {
	if on {
		args = append(args, name)
	}
	return args
}

// assign adds -o name=value for each property, sorted so that equal requests
// are equal command lines.
func assign(args []string, properties map[string]string) []string {
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		args = append(args, "-o", name+"="+properties[name])
	}
	return args
}

// Create is zfsstore.CreateOptions.
type Create struct {
	Properties map[string]string
	Parents    bool
	NoMount    bool
	VolumeSize uint64
}

// Args returns the command line that creates name.
func (o Create) Args(name string) []string {
	args := flag([]string{"create"}, o.Parents, "-p")
	args = flag(args, o.NoMount && o.VolumeSize == 0, "-u")
	args = assign(args, o.Properties)
	if o.VolumeSize != 0 {
		args = append(args, "-V", strconv.FormatUint(o.VolumeSize, 10))
	}
	return append(args, name)
}

// Destroy is zfsstore.DestroyOptions.
type Destroy struct {
	Recursive, Dependents, Force, Defer bool
	GUID                                uint64
}

// Args returns the command line that destroys name. With a guid it is that of
// zfs-program(8), whose program is read from standard input; numbers have a sign there.
// Its limits are the highest: each snapshot costs some 100 instructions.
func (o Destroy) Args(name string) []string {
	if o.GUID != 0 {
		pool, _, _ := strings.Cut(name, "/")
		return flag([]string{"program", "-t", "100000000", "-m", "104857600", pool, "-", name, "guid=" + strconv.FormatInt(int64(o.GUID), 10)}, o.Recursive, "recursive")
	}
	args := flag([]string{"destroy"}, o.Recursive, "-r")
	args = flag(args, o.Dependents, "-R")
	args = flag(args, o.Force, "-f")
	args = flag(args, o.Defer, "-d")
	return append(args, name)
}

// Snapshot is zfsstore.SnapshotOptions.
type Snapshot struct {
	Recursive  bool
	Properties map[string]string
}

// Args returns the command line that takes the snapshot name.
func (o Snapshot) Args(name string) []string {
	args := flag([]string{"snapshot"}, o.Recursive, "-r")
	return append(assign(args, o.Properties), name)
}

// Rollback is zfsstore.RollbackOptions.
type Rollback struct{ Recent, Dependents, Force bool }

// Args returns the command line that rolls back to a snapshot.
func (o Rollback) Args(snapshot string) []string {
	args := flag([]string{"rollback"}, o.Recent, "-r")
	args = flag(args, o.Dependents, "-R")
	args = flag(args, o.Force, "-f")
	return append(args, snapshot)
}

// Clone is zfsstore.CloneOptions.
type Clone struct {
	Properties map[string]string
	Parents    bool
}

// Args returns the command line that clones a snapshot.
func (o Clone) Args(snapshot, target string) []string {
	args := flag([]string{"clone"}, o.Parents, "-p")
	return append(assign(args, o.Properties), snapshot, target)
}

// Rename is zfsstore.RenameOptions.
type Rename struct{ Parents, Recursive, NoUnmount, Force bool }

// Args returns the command line that renames a dataset or snapshot.
func (o Rename) Args(from, to string) []string {
	args := flag([]string{"rename"}, o.Parents, "-p")
	args = flag(args, o.Recursive, "-r")
	args = flag(args, o.NoUnmount, "-u")
	args = flag(args, o.Force, "-f")
	return append(args, from, to)
}

// Send is zfsstore.SendOptions.
type Send struct {
	From                  string
	Recursive, Properties bool
}

// Args returns the command line that sends a snapshot.
func (o Send) Args(snapshot string) []string {
	args := flag([]string{"send"}, o.Recursive, "-R")
	args = flag(args, o.Properties, "-p")
	if o.From != "" {
		args = append(args, "-i", o.From)
	}
	return append(args, snapshot)
}

// Receive is zfsstore.ReceiveOptions.
type Receive struct {
	Force, NoMount bool
	Properties     map[string]string
}

// Args returns the command line that receives target.
func (o Receive) Args(target string) []string {
	args := flag([]string{"receive"}, o.Force, "-F")
	args = flag(args, o.NoMount, "-u")
	return append(assign(args, o.Properties), target)
}

// Set returns the command line that sets properties.
func Set(name string, properties map[string]string) []string {
	args := []string{"set"}
	for _, property := range slices.Sorted(maps.Keys(properties)) {
		args = append(args, property+"="+properties[property])
	}
	return append(args, name)
}

// Inherit returns the command line that clears a property.
func Inherit(name, property string, recursive bool) []string {
	return append(flag([]string{"inherit"}, recursive, "-r"), property, name)
}

// Unmount returns the command line that unmounts a file system.
func Unmount(name string, force bool) []string {
	return append(flag([]string{"unmount"}, force, "-f"), name)
}

// Hold returns the command line of op, "hold" or "release".
func Hold(op, snapshot, tag string, recursive bool) []string {
	return append(flag([]string{op}, recursive, "-r"), tag, snapshot)
}

// All in place of property names is every property.
const All = "all"

// Basic are the properties that the fields of a zfsstore.Dataset are read from.
// The line of the first one begins a dataset.
var Basic = []string{
	"type", "guid", "creation", "origin", "clones", "mountpoint", "mounted",
	"used", "available", "referenced",
}

// closing is asked for last. It is native, so that the last line of a dataset
// is never one that someone else chose.
const closing = "createtxg"

// Asked returns the properties that zfs-get(8) is asked for when these are
// wanted, nil for all.
func Asked(properties []string) []string {
	if len(properties) == 1 && properties[0] == All {
		return nil
	}
	list := slices.Clone(Basic)
	for _, p := range properties {
		if p != closing && !slices.Contains(list, p) {
			list = append(list, p)
		}
	}
	return append(list, closing)
}

// columns are the end of a command line of zfs-get(8) but for the dataset.
func columns(args, properties []string) []string {
	asked := All
	if list := Asked(properties); list != nil {
		asked = strings.Join(list, ",")
	}
	return append(args, "-o", "name,property,value,source", asked)
}

// Get is zfsstore.GetOptions.
type Get struct{ Properties []string }

// Args returns the command line that reads one dataset.
func (o Get) Args(name string) []string {
	return append(columns([]string{"get", "-Hp"}, o.Properties), name)
}

// List is zfsstore.ListOptions; T is zfsstore.Type.
type List[T ~string] struct {
	Types      []T
	Depth      int
	Properties []string
}

// scope adds the options that choose datasets below a root.
func (o List[T]) scope(args []string) []string {
	if o.Depth > 0 {
		args = append(args, "-d", strconv.Itoa(o.Depth))
	} else {
		args = append(args, "-r")
	}
	types := "filesystem,volume"
	for i, one := range o.Types {
		if i == 0 {
			types = string(one)
		} else {
			types += "," + string(one)
		}
	}
	return append(args, "-t", types)
}

// Args returns the command line that reads the datasets below root, which is ""
// for all pools.
func (o List[T]) Args(root string) []string {
	return flag(columns(o.scope([]string{"get", "-Hp"}), o.Properties), root != "", root)
}

// Names returns the command line that lists their names alone, which no
// property can disturb.
func (o List[T]) Names(root string) []string {
	return flag(append(o.scope([]string{"list", "-H"}), "-o", "name"), root != "", root)
}

// Pools is the command line of zpool(8) that lists pools.
var Pools = []string{"list", "-Hp", "-o", "name,guid,health,size,allocated,free,altroot,readonly"}
