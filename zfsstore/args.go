package zfsstore

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// The command lines of the operations, without the program's name: what Exec
// runs and what Memory's errors name.

func option(args []string, on bool, name string) []string {
	if on {
		args = append(args, name)
	}
	return args
}

// assignments adds -o name=value for each property, sorted so that equal
// requests are equal command lines.
func assignments(args []string, properties map[string]string) []string {
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		args = append(args, "-o", name+"="+properties[name])
	}
	return args
}

func createArgs(name string, o CreateOptions) []string {
	args := option([]string{"create"}, o.Parents, "-p")
	args = option(args, o.NoMount && o.VolumeSize == 0, "-u")
	args = assignments(args, o.Properties)
	if o.VolumeSize != 0 {
		args = append(args, "-V", strconv.FormatUint(o.VolumeSize, 10))
	}
	return append(args, name)
}

func destroyArgs(name string, o DestroyOptions) []string {
	args := option([]string{"destroy"}, o.Recursive, "-r")
	args = option(args, o.Dependents, "-R")
	args = option(args, o.Force, "-f")
	args = option(args, o.Defer, "-d")
	return append(args, name)
}

func snapshotArgs(name string, o SnapshotOptions) []string {
	args := option([]string{"snapshot"}, o.Recursive, "-r")
	return append(assignments(args, o.Properties), name)
}

func rollbackArgs(name string, o RollbackOptions) []string {
	args := option([]string{"rollback"}, o.Recent, "-r")
	args = option(args, o.Dependents, "-R")
	args = option(args, o.Force, "-f")
	return append(args, name)
}

func cloneArgs(snapshot, target string, o CloneOptions) []string {
	args := option([]string{"clone"}, o.Parents, "-p")
	return append(assignments(args, o.Properties), snapshot, target)
}

func renameArgs(from, to string, o RenameOptions) []string {
	args := option([]string{"rename"}, o.Parents, "-p")
	args = option(args, o.Recursive, "-r")
	args = option(args, o.NoUnmount, "-u")
	args = option(args, o.Force, "-f")
	return append(args, from, to)
}

func setArgs(name string, properties map[string]string) []string {
	args := []string{"set"}
	for _, property := range slices.Sorted(maps.Keys(properties)) {
		args = append(args, property+"="+properties[property])
	}
	return append(args, name)
}

func inheritArgs(name, property string, recursive bool) []string {
	return append(option([]string{"inherit"}, recursive, "-r"), property, name)
}

func unmountArgs(name string, force bool) []string {
	return append(option([]string{"unmount"}, force, "-f"), name)
}

func sendArgs(snapshot string, o SendOptions) []string {
	args := option([]string{"send"}, o.Recursive, "-R")
	args = option(args, o.Properties, "-p")
	if o.From != "" {
		args = append(args, "-i", o.From)
	}
	return append(args, snapshot)
}

func receiveArgs(target string, o ReceiveOptions) []string {
	args := option([]string{"receive"}, o.Force, "-F")
	args = option(args, o.NoMount, "-u")
	return append(assignments(args, o.Properties), target)
}

func holdArgs(op, snapshot, tag string, recursive bool) []string {
	return append(option([]string{op}, recursive, "-r"), tag, snapshot)
}

// typeList is the argument of -t.
func typeList(types []Type) string {
	if len(types) == 0 {
		types = []Type{Filesystem, Volume}
	}
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = string(t)
	}
	return strings.Join(names, ",")
}

// basicProperties are what the fields of Dataset are read from. The first one
// is the one whose line begins a dataset.
var basicProperties = []string{
	"type", "guid", "creation", "origin", "clones", "mountpoint", "mounted",
	"used", "available", "referenced",
}

// closingProperty is asked for last. It is native, so that the last line of a
// dataset is never one that someone else chose.
const closingProperty = "createtxg"

// asked is the list of properties that zfs-get(8) is asked for, nil for all.
func asked(properties []string) []string {
	if len(properties) == 1 && properties[0] == AllProperties {
		return nil
	}
	list := slices.Clone(basicProperties)
	for _, p := range properties {
		if p != closingProperty && !slices.Contains(list, p) {
			list = append(list, p)
		}
	}
	return append(list, closingProperty)
}

func propertyList(properties []string) string {
	if list := asked(properties); list != nil {
		return strings.Join(list, ",")
	}
	return AllProperties
}

func getArgs(name string, o GetOptions) []string {
	return []string{"get", "-Hp", "-o", "name,property,value,source", propertyList(o.Properties), name}
}

// namesArgs lists the names alone, which no property can disturb.
func namesArgs(root string, o ListOptions) []string {
	args := []string{"list", "-H"}
	if o.Depth > 0 {
		args = append(args, "-d", strconv.Itoa(o.Depth))
	} else {
		args = append(args, "-r")
	}
	args = append(args, "-t", typeList(o.Types), "-o", "name")
	if root != "" {
		args = append(args, root)
	}
	return args
}

func listArgs(root string, o ListOptions) []string {
	args := []string{"get", "-Hp"}
	if o.Depth > 0 {
		args = append(args, "-d", strconv.Itoa(o.Depth))
	} else {
		args = append(args, "-r")
	}
	args = append(args, "-t", typeList(o.Types), "-o", "name,property,value,source", propertyList(o.Properties))
	if root != "" {
		args = append(args, root)
	}
	return args
}

// poolArgs is the command line of zpool(8) that lists pools.
var poolArgs = []string{"list", "-Hp", "-o", "name,guid,health,size,allocated,free,altroot,readonly"}
