package events

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// filled returns e with a different non-zero value in every field.
func filled(t testing.TB, e IocEvent, seed int) IocEvent {
	t.Helper()
	v := reflect.New(reflect.TypeOf(e)).Elem()
	for i := range v.NumField() {
		f, name := v.Field(i), v.Type().Field(i).Name
		if name == "Header" {
			continue
		}
		n := int64(seed*100 + i)
		switch f.Kind() {
		case reflect.String:
			f.SetString(name + " \"<ä>\"")
		case reflect.Int, reflect.Int64:
			f.SetInt(n)
		case reflect.Bool:
			f.SetBool(true)
		case reflect.Slice:
			f.Set(reflect.ValueOf([]string{name + "-1", name + "-2"}))
		default:
			t.Fatalf("%T.%s: no value for kind %v", e, name, f.Kind())
		}
	}
	h := Header{
		ID: uint64(seed + 2), Parent: uint64(seed + 1), Depth: seed%5 + 1, Scope: "op-1",
		State: State(seed % 4), Subject: "web", Message: "a message",
		Started:  time.Date(2026, 1, 2, 3, 4, 5, seed+1, time.UTC),
		Duration: time.Duration(seed+1)*time.Second + time.Duration(seed+1),
		Merged:   seed + 1,
	}
	if h.State == Failed {
		h.Err = &RemoteError{Message: "mount /dev: operation not permitted", Type: "*kernel.Error"}
	}
	return v.Interface().(IocEvent).with(h)
}

func TestTypesHaveTheirOwnNames(t *testing.T) {
	seen := map[string]bool{}
	for _, e := range catalogue() {
		if got, want := e.Type(), reflect.TypeOf(e).Name(); got != want {
			t.Errorf("Type() = %q, want %q", got, want)
		}
		if seen[e.Type()] {
			t.Errorf("%s is twice in the catalogue", e.Type())
		}
		seen[e.Type()] = true
	}
	if got := len(Types()); got != len(seen) {
		t.Errorf("Types has %d names, want %d", got, len(seen))
	}
}

// Every struct of the source that embeds Header is in the catalogue.
func TestCatalogueIsComplete(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var declared []string
	inspect := func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		st, ok := spec.Type.(*ast.StructType)
		if !ok {
			return true
		}
		for _, f := range st.Fields.List {
			if id, ok := f.Type.(*ast.Ident); ok && len(f.Names) == 0 && id.Name == "Header" {
				declared = append(declared, spec.Name.Name)
			}
		}
		return true
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, inspect)
	}
	types := Types()
	if len(declared) < 70 {
		t.Fatalf("found only %d event types in the source", len(declared))
	}
	for _, name := range declared {
		if !slices.Contains(types, name) {
			t.Errorf("%s is missing from the catalogue", name)
		}
	}
	for _, name := range types {
		if !slices.Contains(declared, name) {
			t.Errorf("%s is in the catalogue but embeds no Header", name)
		}
	}
}

// The names that consumers of libioc know.
func TestCatalogueHasLibiocsNames(t *testing.T) {
	known := strings.Fields(`
		JailStart JailStop JailRestart JailSoftShutdown JailRemove JailAttach JailClone JailRename
		JailDependantsStart JailDependantStart JailHookPrestart JailHookCreated JailHookStart
		JailHookPoststart JailHookPrestop JailHookStop JailHookPoststop JailCommand
		JailResolverConfig JailResourceLimitAction JailFstabUpdate BasejailStorageConfig
		MountDevFS MountFdescfs MountFstab UnmountFstab TeardownSystemMounts JailNetworkTeardown
		JailNetworkSetup VnetInterfaceConfig VnetSetupLocalhost VnetSetRoutes JailZFSShare
		AttachZFSDataset JailProvisioning JailProvisioningAssetDownload R10kDeployEvent
		PuppetApplyEvent FetchRelease ReleasePrepareStorage ReleaseDownload ReleaseAssetDownload
		ReleaseExtraction ReleaseCopyBase ReleaseConfiguration ReleaseUpdate ReleaseUpdatePull
		ReleaseUpdateDownload ResourceUpdate RunResourceUpdate ExecuteResourceUpdate
		ZFSDatasetRename ZFSDatasetDestroy ZFSSnapshotRename ZFSSnapshotClone ZFSSnapshotRollback
		ResourceBackup ExportConfig ExportFstab ExportRootDataset ExportOtherDatasets ImportConfig
		ImportFstab ImportRootDataset ImportOtherDatasets ExportOtherDataset ImportOtherDataset
		BundleBackup ExtractBundle PackageFetch BootstrapPkg PackageInstall PackageRemove
		PackageConfiguration`)
	types := Types()
	for _, name := range known {
		if !slices.Contains(types, name) {
			t.Errorf("%s is missing", name)
		}
	}
}

func TestFieldsAreOnTheWireInSnakeCase(t *testing.T) {
	for _, e := range catalogue() {
		typ := reflect.TypeOf(e)
		seen := map[string]bool{}
		for i := range typ.NumField() {
			f := typ.Field(i)
			tag := f.Tag.Get("json")
			if f.Name == "Header" {
				if tag != "-" {
					t.Errorf("%s: Header has tag %q", e.Type(), tag)
				}
				continue
			}
			ok := tag != "" && !seen[tag] && strings.Trim(tag, "abcdefghijklmnopqrstuvwxyz_") == ""
			if !ok || strings.ReplaceAll(tag, "_", "") != strings.ToLower(f.Name) {
				t.Errorf("%s.%s has tag %q", e.Type(), f.Name, tag)
			}
			seen[tag] = true
		}
	}
}

func TestEventsKeepTheirOwnLists(t *testing.T) {
	for i, e := range catalogue() {
		e = filled(t, e, i)
		v, c := reflect.ValueOf(e), reflect.ValueOf(e.with(e.Head()))
		if !reflect.DeepEqual(v.Interface(), c.Interface()) {
			t.Errorf("%s: copy differs", e.Type())
		}
		for i := range v.NumField() {
			if v.Field(i).Kind() == reflect.Slice && v.Field(i).Pointer() == c.Field(i).Pointer() {
				t.Errorf("%s.%s is shared by copies", e.Type(), v.Type().Field(i).Name)
			}
		}
	}
}

func TestSubjectIsAnOwnField(t *testing.T) {
	without := []string{"OperationEnd", "Overflow"}
	for i, e := range catalogue() {
		got := filled(t, e, i).subject()
		if (got == "") != slices.Contains(without, e.Type()) {
			t.Errorf("%s: subject %q", e.Type(), got)
		}
	}
}

func TestHookEvents(t *testing.T) {
	var hooks []string
	for i, e := range catalogue() {
		h, ok := filled(t, e, i).(HookEvent)
		if !ok {
			continue
		}
		hooks = append(hooks, h.Hook())
		v := reflect.ValueOf(h)
		want := HookResult{
			v.FieldByName("Command").String(), v.FieldByName("Stdout").String(),
			v.FieldByName("Stderr").String(), int(v.FieldByName("ExitCode").Int()),
		}
		if h.Result() != want {
			t.Errorf("%s: Result() = %+v, want %+v", e.Type(), h.Result(), want)
		}
	}
	want := strings.Fields("prestart created start poststart prestop stop poststop command")
	if !slices.Equal(hooks, want) {
		t.Errorf("hooks %q, want %q", hooks, want)
	}
}
