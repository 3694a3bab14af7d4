package arrows

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/internal/pathname"
)

// clean are the folders, or files, whose text has been gone over. Those below
// them are too.
var clean = []string{
	"config", "devfs", "events", "fstab", "docs/properties.md",
	"internal/arrows", "internal/atomicfile", "internal/pathname", "internal/rcconf", "internal/saferoot",
	"internal/shellwords", "internal/tail", "internal/ucl",
}

// calque is a phrase that no native engineer writes.
type calque struct {
	phrase  *regexp.Regexp
	except  *regexp.Regexp // a match that is right, with the words around it; may be nil
	instead string
	before  string // an example
	after   string // the example as it should be
}

// phrase compiles a pattern, in any case.
func phrase(pattern string) *regexp.Regexp { return regexp.MustCompile("(?i)" + pattern) }

var calques = []calque{
	{phrase(`\b(tell|tells|telling|told) (whether|if)\b`), nil, "reports whether", "Below tells whether a is in b.", "Below reports whether a is in b."},
	{phrase(`\b(tells|told|telling) of\b`), nil, "reports", "An event that tells of a mount.", "An event that reports a mount."},
	{phrase(`\btells that\b`), nil, "reports that", "JailStart tells that a jail is started.", "JailStart reports that a jail is started."},
	{phrase(`\bmend(s|ed|ing)?\b`), nil, "repair, fix", "It mends the file.", "It repairs the file."},
	{phrase(`\bwhat differs\b`), nil, "any differences", "repairs what differs", "repairs any differences"},
	{phrase(`\bbehind\b`), phrase(`\b(left|leaves?|leaving) behind\b|\bbehind (NAT|an? (proxy|firewall|router|load balancer)|(its|your|our|their) back)\b`), "after", "behind the commit point", "after the commit point"},
	{phrase(`\b(that|which|what) (is|are|was|were) none\b`), nil, "is not a ...", "a probe that is none", "an invalid probe"},
	{phrase(`\bis none of\b`), phrase(`\bof (its|your|our|their) business`), "is not one of", "x is none of these", "x is not one of these"},
	{phrase(`\b(that|which|it|what|who) (is|are|was|were) no\b`), phrase(`\bno (longer|more|less|earlier|later|other|such)\b`), "is not a", "a line that is no rule", "a line that is not a rule"},
	{phrase(`\b(has|have|had) not\b`), phrase(`\b(has|have|had) not (been|yet|[a-z]+ed|begun|run|sent|set|read|gone|written|taken|given|done|come|left|lost|met|made|seen|shown|held|kept|put|got)\b`), "does not have", "a user that the jail has not", "a user that the jail does not have"},
	{phrase(`\b(is|are|was|were) (not|no longer) there\b`), nil, "does not exist", "The file is not there.", "The file does not exist."},
	{phrase(`\b(is|are) there( already)?[.,;:)]`), nil, "exists", "The bridge is there already.", "The bridge already exists."},
	{phrase(`\bmeanwhile\b`), nil, "in the meantime", "another writer meanwhile", "another writer in the meantime"},
	{phrase(`\bgiven again\b`), nil, "reused", "Freed ids are given again.", "Freed ids are reused."},
	{phrase(`\bof which there (is|are|was|were)\b`), nil, "which exists, or leave it out", "the one of which there is a copy", "the one with a copy"},
	{phrase(`\bfor ever\b`), nil, "forever", "would go on for ever", "would retry forever"},
	{phrase(`\bis no keyword\b`), nil, `unknown keyword "x"`, `"x" is no keyword of resolv.conf(5)`, `unknown resolv.conf(5) keyword "x"`},
	{phrase(`\bno time such as\b`), nil, `not a duration (want e.g. "10s")`, "no time such as 10s", `not a duration (want e.g. "10s")`},
	{phrase(`\bkeeps nobody from\b`), nil, "affects only", "One failure keeps nobody from starting", "A failure affects only dependent jails"},
	{phrase(`\bswallows a new line\b`), nil, "an appended line would not take effect", "the file's end swallows a new line", "an appended line would not take effect"},
	{phrase(`\bof another type than\b`), nil, "does not match", "event is of another type than its span", "event type does not match its span"},
	{phrase(`\bwere cloned from it\b`), nil, "has dependent clones", "others were cloned from it", "has dependent clones"},
	{phrase(`\bit was of .{1,40} and is of\b`), nil, "changed from ... to ...", "it was of Monday and is of Tuesday", "Last-Modified changed from Monday to Tuesday"},
}

// find returns the phrase's places in a text.
func (c calque) find(text string) (found []string) {
	for _, at := range c.phrase.FindAllStringIndex(text, -1) {
		around := text[max(at[0]-10, 0):min(at[1]+25, len(text))]
		if c.except == nil || !c.except.MatchString(around) {
			found = append(found, around)
		}
	}
	return found
}

// TestCalques: comments, strings and documents say it as the standard library
// would.
func TestCalques(t *testing.T) {
	dir, seen := root(t), 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return nil // another test's file
			}
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		switch {
		case d.IsDir() && slices.Contains([]string{".git", "dist", "testdata"}, d.Name()):
			return fs.SkipDir
		case d.IsDir(), rel == "internal/arrows/calques_test.go":
			return nil
		case !slices.ContainsFunc(clean, func(folder string) bool { return pathname.Within(rel, folder) }):
			return nil
		}
		for place, text := range texts(t, path) {
			seen++
			for _, c := range calques {
				for _, found := range c.find(text) {
					t.Errorf("%s: %q; write: %s", strings.Replace(place, path, rel, 1), found, c.instead)
				}
			}
		}
		return nil
	})
	require.NoError(t, err)
	require.Greater(t, seen, 100)
}

// texts returns the comments and strings of a Go file, or a document, by place.
// Lines are joined, so that a phrase is found across them.
func texts(t *testing.T, path string) map[string]string {
	all := map[string]string{}
	join := func(text string) string { return strings.Join(strings.Fields(text), " ") }
	switch filepath.Ext(path) {
	case ".md":
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		line := 1
		for paragraph := range strings.SplitSeq(string(data), "\n\n") {
			all[path+":"+strconv.Itoa(line)] = join(paragraph)
			line += strings.Count(paragraph, "\n") + 2
		}
	case ".go":
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, path, nil, parser.ParseComments)
		require.NoError(t, err)
		add := func(n ast.Node, text string) {
			all[set.Position(n.Pos()).String()] = join(text)
		}
		for _, group := range f.Comments {
			add(group, group.Text())
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				text, err := strconv.Unquote(lit.Value)
				require.NoError(t, err)
				add(lit, text)
			}
			return true
		})
	}
	return all
}

// TestCalquesBite: each pattern finds its example, and not what should be there.
func TestCalquesBite(t *testing.T) {
	for _, c := range calques {
		require.NotEmpty(t, c.find(c.before), c.phrase)
		for _, other := range calques {
			require.Empty(t, other.find(c.after), "%s in %q", other.phrase, c.after)
		}
	}
	for _, right := range []string{
		"private addresses behind NAT", "no logging behind its back", "a jail that is no longer running", "what has not been sent",
		"it has not changed yet", "Is there a bridge?", "Nothing is left behind.",
	} {
		for _, c := range calques {
			require.Empty(t, c.find(right), "%s in %q", c.phrase, right)
		}
	}
}
