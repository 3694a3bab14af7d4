package sysadm

// The dialects whose documents have an action.
var (
	every    = []Dialect{Dialect201601, Dialect2016, Dialect2017}
	newer    = []Dialect{Dialect2016, Dialect2017}
	only2016 = []Dialect{Dialect2016}
	only2017 = []Dialect{Dialect2017}
)

// actions are all actions of the class, from all documents.
var actions = map[string]Action{
	"activatepool": {
		Role: RoleAdmin, Dialects: newer, run: (*Server).activatepool,
		Args: []Arg{{Name: "pool", Doc: "ZFS pool to use; without it the answer is the pool in use"}},
		Doc:  "Choose the pool that holds the jails.",
	},
	"activatestatus": {
		Role: RoleRead, Dialects: only2017, run: (*Server).activatestatus,
		Doc: "Report which pool is in use.",
	},
	"capjail": {
		Role: RoleOperate, Dialects: only2016, run: (*Server).capjail, Args: []Arg{jailArgument},
		Doc: "Apply the resource limits of a running jail again.",
	},
	"cleanall": {
		Role: RoleAdmin, Dialects: only2016, run: (*Server).cleanall,
		Doc: "Destroy all jails, templates and releases.",
	},
	"cleanjails": {
		Role: RoleAdmin, Dialects: only2016, run: (*Server).cleanjails,
		Doc: "Destroy all jails; refused while one of them runs.",
	},
	"cleanreleases": {
		Role: RoleAdmin, Dialects: newer, run: (*Server).cleanreleases,
		Doc: "Destroy all releases; those that jails depend on stay, with an error.",
	},
	"cleantemplates": {
		Role: RoleAdmin, Dialects: newer, run: (*Server).cleantemplates,
		Doc: "Destroy all templates; those that jails were cloned from stay, with an error.",
	},
	"clonejail": {
		Role: RoleAdmin, Dialects: only2016, run: (*Server).clonejail,
		Args: []Arg{jailArgument, {Name: "props", Doc: "properties that differ, as key=value words; hooks need the permission to run commands"}},
		Doc:  "Create a jail from another one.",
	},
	"createjail": {
		Role: RoleAdmin, Dialects: only2016, Job: true, run: (*Server).createjail,
		Args: []Arg{
			{Name: "props", Doc: "properties as key=value words, release among them; hooks need the permission to run commands"},
			{Name: "switches", Doc: "-e for an empty jail, -b for a basejail, -c for a clone"},
			{Name: "release", Doc: "release to create it from, as a job"},
			{Name: "template", Doc: "template to create it from, as a job"},
			{Name: "properties", List: true, Doc: "with release or template: properties as key=value words; hooks need the permission to run commands"},
		},
		Doc: "Create a jail.",
	},
	"createplugin": {
		Role: RoleAdmin, Dialects: only2017, Job: true, strict: true, run: (*Server).createplugin,
		Args: []Arg{
			{Name: "plugin", Required: true, Doc: "id of the plugin"},
			{Name: "net_device", Required: true, Doc: "interface that gets the address"},
			{Name: "ip4", Doc: "IPv4 address; this or ip6 is needed"},
			{Name: "ip6", Doc: "IPv6 address; wins over ip4"},
		},
		Doc: "Fetch a plugin and create its jail.",
	},
	"deactivatepool": {
		Role: RoleAdmin, Dialects: newer, run: (*Server).deactivatepool,
		Args: []Arg{{Name: "pool", Required: true, Doc: "ZFS pool"}},
		Doc:  "Stop using the pool that holds the jails; nothing on it is removed.",
	},
	"destroyjail": {
		Role: RoleAdmin, Dialects: only2016, run: (*Server).destroyjail, Args: []Arg{jailArgument},
		Doc: "Destroy a jail; refused while it runs.",
	},
	"df": {
		Role: RoleRead, Dialects: only2016, run: (*Server).df,
		Doc: "Report how much space each jail uses.",
	},
	"execjail": {
		Role: RoleOperate, Exec: true, Dialects: only2016, run: (*Server).execjail,
		Args: []Arg{
			jailArgument,
			{Name: "user", Required: true, Doc: "user of the jail to run as"},
			{Name: "command", Required: true, List: true, Doc: "command; a string is split as sh(1) would, without expansion"},
		},
		Doc: "Run a command in a running jail.",
	},
	"fetchreleases": {
		Role: RoleAdmin, Dialects: only2017, Job: true, strict: true, run: (*Server).fetchreleases,
		Args: []Arg{{Name: "releases", Required: true, List: true, Doc: "names of releases"}},
		Doc:  "Fetch releases, each in a separate job.",
	},
	"getdefaultsettings": {
		Role: RoleRead, Dialects: only2016, run: (*Server).getdefaultsettings,
		Doc: "List the settings that jails inherit.",
	},
	"getjailsettings": {
		Role: RoleRead, Dialects: only2016, run: (*Server).getjailsettings,
		Args: []Arg{
			{Name: "jail", Doc: "name or tag of the jail"},
			{Name: "prop", Doc: "one property; all of them without it or with the word all"},
			{Name: "switches", Doc: "-r without jail: prop of all jails"},
		},
		Doc: "List the settings of a jail, or one setting of all jails.",
	},
	"listjails": {
		Role: RoleRead, Dialects: every, run: (*Server).listjails,
		Doc: "List the jails.",
	},
	"listplugins": {
		Role: RoleRead, Dialects: only2017, asks: true, run: (*Server).listplugins,
		Doc: "List the plugins of the index, and the jails made from plugins.",
	},
	"listreleases": {
		Role: RoleRead, Dialects: only2017, asks: true, run: (*Server).listreleases,
		Doc: "List the fetched releases and those that can be fetched.",
	},
	"listtemplates": {
		Role: RoleRead, Dialects: only2017, run: (*Server).listtemplates,
		Doc: "List the templates.",
	},
	"startjail": {
		Role: RoleOperate, Dialects: only2016, run: (*Server).startjail, Args: []Arg{jailArgument},
		Doc: "Start a jail.",
	},
	"stopjail": {
		Role: RoleOperate, Dialects: only2016, run: (*Server).stopjail, Args: []Arg{jailArgument},
		Doc: "Stop a jail.",
	},
}

var jailArgument = Arg{Name: "jail", Required: true, Doc: "name or tag of the jail; jail_uuid is read as well"}
