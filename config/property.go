package config

import (
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Type determines how a property's text is read, checked and written. It is never
// guessed from the text: exec_timeout=1 is a number of seconds and
// host_hostname=on is the name "on".
type Type uint8

// The types of properties, with the Go types of their values.
const (
	TypeText       Type = iota // string; none words mean none
	TypeFree                   // string, taken literally, "none" included (user.*)
	TypeName                   // string checked by ValidName
	TypeBool                   // bool
	TypeAutoBool               // bool, or none for "decide at run time"
	TypeInt                    // int within Min and Max
	TypeWord                   // string, one of Words
	TypeJailsys                // Jailsys: disable, new or inherit
	TypeUUID                   // string in UUID form
	TypeHostUUID               // string; iocage keeps the jail's name here
	TypeList                   // []string, comma separated
	TypeWords                  // []string, blank separated
	TypeAddresses4             // Addresses of IPv4, order kept
	TypeAddresses6             // Addresses of IPv6, order kept
	TypeInterfaces             // Interfaces
	TypeGateway4               // Gateway
	TypeGateway6               // Gateway
	TypeResolver               // Resolver
	TypeDepends                // Terms
	TypeLimit                  // Limits of one resource
	TypeMAC                    // MACPair
	TypeMTU                    // int, 0 for auto
	TypeSeconds                // time.Duration in whole seconds
	TypeCPUSet                 // CPUSet
	TypeRuleset                // Ruleset
	TypeMACPrefix              // string of 2 to 12 hexadecimal digits
	TypeNICs                   // []string, comma separated; iocage separates by blanks
	TypeForm                   // string in a form of its own, which Doc describes
)

// String returns the name of the type in the generated documentation.
func (t Type) String() string { return types[t].name }

// Scope is where a property applies.
type Scope uint8

// The scopes.
const (
	ScopeIdentity Scope = iota // the jail's identity
	ScopeStorage               // datasets, releases, basejails
	ScopeKernel                // a parameter of jail_set(2)
	ScopeMount                 // file systems mounted below the root
	ScopeNetwork               // interfaces, addresses, routes
	ScopeLimit                 // rctl(8) rules
	ScopeHook                  // commands and their environment
	ScopeHost                  // host services and boot order
	ScopeInfo                  // kept for people and other programs, without effect
)

var scopeNames = [...]string{"identity", "storage", "kernel parameter", "mount", "network", "limit", "hook", "host", "information"}

// String returns the name of the scope in the generated documentation.
func (s Scope) String() string { return scopeNames[s] }

// ParamType is the kernel's type of a jail parameter.
type ParamType uint8

// The kernel's types, as sysctl -d security.jail.param shows them.
const (
	ParamNone      ParamType = iota // not a kernel parameter
	ParamBool                       // sent by presence: allow.x or allow.nox
	ParamInt                        // 4 bytes
	ParamLong                       // 8 bytes (host.hostid)
	ParamString                     // NUL terminated
	ParamJailsys                    // int: disable 0, new 1, inherit 2
	ParamAddresses                  // array of in_addr or in6_addr
	ParamAsListed                   // as the running kernel lists it
)

var paramNames = [...]string{"", "bool", "int", "long", "string", "jailsys", "addresses", "as the kernel lists it"}

// String returns the name of the parameter type.
func (p ParamType) String() string { return paramNames[p] }

// boolForm is how a truth value is written in each store.
type boolForm uint8

const (
	formYes   boolForm = iota // JSON yes/no, UCL and ZFS on/off
	formDigit                 // 1/0 everywhere
	formMount                 // JSON yes/no, UCL and ZFS 1/0
	formWord                  // yes/no everywhere (template)
)

// Peers has the default that each program writes or assumes for a property: empty
// if the program does not know the property, "-" if the property has no default.
type Peers struct {
	Libioc   string // libioc 0.8.2
	Iocage   string // iocage, CONFIG_VERSION 34
	Legacy18 string // iocage_legacy 1.8 (UCL)
	Legacy17 string // iocage_legacy 1.7 (ZFS properties)
}

// A Property is one row of the schema.
type Property struct {
	Name      string
	Type      Type
	Default   string    // canonical text; empty means none
	Scope     Scope     // where it applies
	Inherited bool      // whether a jail inherits it from the defaults resource
	Used      bool      // whether it has an effect in this library
	Aliases   []string  // other spellings that are read, e.g. istemplate
	Param     string    // kernel parameter, e.g. allow.mount.zfs
	ParamType ParamType // kernel type of Param
	Words     []string  // TypeWord: permitted words
	Min, Max  int       // TypeInt: permitted range
	Peers     Peers     // defaults in other programs
	Doc       string    // one sentence

	form  boolForm
	check func(text string) error // TypeForm
}

var schema = sync.OnceValue(buildSchema)

type schemaIndex struct {
	rows   []Property
	byName map[string]*Property
}

func buildSchema() *schemaIndex {
	var rows []Property
	for _, table := range [][]Property{identityTable(), storageTable(), kernelTable(), mountTable(), networkTable(), limitTable(), hookTable(), hostTable(), userTable(), infoTable()} {
		rows = append(rows, table...)
	}
	idx := &schemaIndex{rows: rows, byName: make(map[string]*Property, 2*len(rows))}
	for i := range rows {
		idx.byName[rows[i].Name] = &rows[i]
		for _, a := range rows[i].Aliases {
			idx.byName[a] = &rows[i]
		}
		if p := rows[i].Param; p != "" && idx.byName[p] == nil {
			idx.byName[p] = &rows[i]
		}
	}
	return idx
}

// Properties returns the schema's rows ordered by name. Patterns such as
// <nic>_mac are not rows; Lookup resolves them.
func Properties() []Property {
	byName := func(a, b Property) int { return strings.Compare(a.Name, b.Name) }
	return slices.SortedFunc(slices.Values(schema().rows), byName)
}

// Lookup returns the property that key names: by its name, by an alias
// (istemplate), by the kernel's spelling (allow.mount.zfs,
// security.jail.param.allow.mount.zfs), or by one of the patterns user.*,
// <nic>_mac, <nic>_mtu, allow_* and the kernel's families of parameters such as
// linux.* and mac.*, so that a kernel that knows more parameters than this table is
// supported. The result must not be modified.
func Lookup(key string) (*Property, bool) {
	if p, ok := schema().byName[key]; ok {
		return p, true
	}
	if rest, ok := strings.CutPrefix(key, "security.jail.param."); ok {
		key = rest
		if p, ok := schema().byName[key]; ok {
			return p, true
		}
	}
	return lookupPattern(key)
}

func lookupPattern(key string) (*Property, bool) {
	switch {
	case strings.HasPrefix(key, "user.") && len(key) > len("user."):
		return &Property{Name: key, Type: TypeFree, Scope: ScopeInfo, Inherited: true, Doc: "Free text of the user."}, true
	case strings.HasSuffix(key, "_mac") && validNIC(strings.TrimSuffix(key, "_mac")) == nil:
		return &Property{Name: key, Type: TypeMAC, Scope: ScopeNetwork, Used: true,
			Peers: Peers{Libioc: "-", Iocage: "none"}, Doc: "Link addresses of the host's and the jail's side of a nic."}, true
	case strings.HasSuffix(key, "_mtu") && validNIC(strings.TrimSuffix(key, "_mtu")) == nil:
		return &Property{Name: key, Type: TypeMTU, Scope: ScopeNetwork, Inherited: true, Used: true,
			Peers: Peers{Iocage: "auto"}, Doc: "MTU of a nic, or auto for the bridge's."}, true
	case strings.HasPrefix(key, "allow_") || strings.HasPrefix(key, "allow."):
		name := strings.ReplaceAll(key, ".", "_")
		param := strings.TrimPrefix(name, "allow_")
		if !plainWord.MatchString(param) {
			return nil, false
		}
		if fs, ok := strings.CutPrefix(param, "mount_"); ok {
			param = "mount." + fs
		}
		return &Property{Name: name, Type: TypeBool, form: formDigit, Scope: ScopeKernel, Inherited: true, Used: true,
			Param: "allow." + param, ParamType: ParamBool, Doc: "Permission that the kernel may know."}, true
	case kernelFamily.MatchString(key):
		return &Property{Name: key, Type: TypeText, Scope: ScopeKernel, Inherited: true, Used: true,
			Param: key, ParamType: ParamAsListed, Doc: "Parameter that the kernel may know, under its own name."}, true
	}
	return nil, false
}

// kernelFamily are names of jail(8) parameters that come with modules and releases.
var kernelFamily = regexp.MustCompile(`^(children|host|ip4|ip6|linux|mac|vmm|zfs)(\.[0-9a-z_]+)+$`)

var plainWord = regexp.MustCompile(`^[0-9A-Za-z_]*[0-9A-Za-z]$`)
