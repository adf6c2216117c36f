// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	helmv2 "github.com/weir-gitops/weir/api/helm/v2"
	imagev1 "github.com/weir-gitops/weir/api/image/v1"
	kustomizev1 "github.com/weir-gitops/weir/api/kustomize/v1"
	notificationv1beta3 "github.com/weir-gitops/weir/api/notification/v1beta3"
	sourcev1 "github.com/weir-gitops/weir/api/source/v1"
)

// chaos is a loop in which things change at random.
type chaos struct {
	*loop
	*rand.Rand

	broken string // the application with a manifest that cannot be applied
	paused client.Object
	muted  bool // messages are suspended
}

// N is a random duration.
func (c *chaos) N(limit time.Duration) time.Duration { return time.Duration(c.Int64N(int64(limit))) }

// kind is a kind of change: it makes one that belongs to a value, and says what it was.
type kind func(t *testing.T, value string) string

// deck is what will change, in order. Every kind comes as often as it is listed in each round.
func (c *chaos) deck() []kind {
	round := []kind{
		c.changeAll, c.changeApp, c.addObjects, c.removeObjects, c.renameObjects, c.moveObjects, c.clearApp, c.breakApp,
		c.changeRelease, c.changeRelease, c.removeRelease, c.removeRelease, c.newChart, c.brokenChart,
		c.newTag, c.newTag, c.newArtifact, c.editObject, c.editObject, c.editRelease, c.editRelease, c.deleteRelease, c.pause, c.pause, c.alerts,
	}
	var deck []kind
	for len(deck) < changes {
		c.Shuffle(len(round), func(i, j int) { round[i], round[j] = round[j], round[i] })
		deck = append(deck, round...)
	}
	return deck[:changes]
}

// change makes one change and, if the folder changed, pushes it.
func (c *chaos) change(t *testing.T, do kind, value string) string {
	t.Helper()
	what := do(t, value)
	c.fleet.write(t, c.clone.Dir)
	if c.broken != "" {
		file := filepath.Join(c.clone.Dir, "apps", c.broken, "broken.yaml")
		must(t, os.WriteFile(file, manifest(t, object("ConfigMap", "team-1", "Not_A_Name"), value), 0o600))
	}
	dirty, err := c.clone.Git(t.Context(), "status", "--porcelain")
	must(t, err)
	if dirty != "" {
		c.push(t, what)
	}
	return what
}

// whole tells whether everything gets ready as things are.
func (c *chaos) whole() bool { return c.broken == "" && !c.loop.broken && c.paused == nil }

// mend ends what is broken or suspended.
func (c *chaos) mend(t *testing.T) {
	t.Helper()
	if c.paused != nil {
		c.pause(t, "")
	}
	if c.muted {
		c.alerts(t, "")
	}
	if c.loop.broken {
		c.newChart(t, "")
	}
	if c.broken != "" {
		c.change(t, c.breakApp, "")
	}
}

// pick chooses an application whose objects may come and go: not the base, nor the two with special objects.
func (c *chaos) pick() string {
	var apps []string
	for _, app := range c.fleet.apps() {
		if strings.HasPrefix(app, "app-") && app > "app-01" {
			apps = append(apps, app)
		}
	}
	return apps[c.IntN(len(apps))]
}

// pickRelease chooses a HelmRelease, there or not.
func (c *chaos) pickRelease() id { return release(c.IntN(releaseCount)) }

func (c *chaos) changeAll(_ *testing.T, value string) string {
	for _, app := range c.fleet.apps() {
		if app == images || app == artifacts {
			continue
		}
		for object := range c.fleet[app] {
			c.fleet[app][object] = value
		}
	}
	return "change everything"
}

func (c *chaos) changeApp(_ *testing.T, value string) string {
	app := c.pick()
	for object := range c.fleet[app] {
		c.fleet[app][object] = value
	}
	return "change " + app
}

func (c *chaos) addObjects(_ *testing.T, value string) string {
	app := c.pick()
	for i := range 5 {
		c.fleet[app][object("ConfigMap", "team-3", fmt.Sprintf("%s-new-%s-%d", app, value, i))] = value
	}
	return "add objects to " + app
}

func (c *chaos) removeObjects(*testing.T, string) string {
	app := c.pick()
	for _, object := range c.first(app, 4) {
		delete(c.fleet[app], object)
	}
	return "remove objects of " + app
}

func (c *chaos) renameObjects(*testing.T, string) string {
	app := c.pick()
	for _, object := range c.first(app, 2) {
		was := c.fleet[app][object]
		delete(c.fleet[app], object)
		object.name += "-renamed"
		c.fleet[app][object] = was
	}
	return "rename objects of " + app
}

func (c *chaos) moveObjects(*testing.T, string) string {
	app, other := c.pick(), c.pick()
	for _, object := range c.first(app, 2) {
		was := c.fleet[app][object]
		delete(c.fleet[app], object)
		c.fleet[other][object] = was
	}
	return "move objects of " + app + " to " + other
}

func (c *chaos) clearApp(*testing.T, string) string {
	app := c.pick()
	clear(c.fleet[app])
	return "remove everything of " + app
}

// breakApp puts a manifest into an application that cannot be applied, or takes it out again.
func (c *chaos) breakApp(*testing.T, string) string {
	if was := c.broken; was != "" {
		c.broken = ""
		return "mend " + was
	}
	c.broken = c.pick()
	return "break " + c.broken
}

func (c *chaos) changeRelease(_ *testing.T, value string) string {
	release := c.pickRelease()
	if c.isPaused(release) {
		return "nothing: " + release.name + " is suspended"
	}
	c.fleet[releases][release] = value
	return "values of " + release.name
}

// removeRelease takes a HelmRelease out of Git, or puts it back.
func (c *chaos) removeRelease(_ *testing.T, value string) string {
	release := c.pickRelease()
	if c.isPaused(release) {
		return "nothing: " + release.name + " is suspended"
	}
	if _, there := c.fleet[releases][release]; there {
		delete(c.fleet[releases], release)
		return "remove " + release.name
	}
	c.fleet[releases][release] = value
	return "bring back " + release.name
}

// deleteRelease deletes a HelmRelease in the cluster, from where Git brings it back.
func (c *chaos) deleteRelease(t *testing.T, _ string) string {
	t.Helper()
	release := c.pickRelease()
	if c.isPaused(release) {
		return "nothing: " + release.name + " is suspended"
	}
	live := &helmv2.HelmRelease{ObjectMeta: metav1.ObjectMeta{Namespace: release.namespace, Name: release.name}}
	must(t, client.IgnoreNotFound(c.client.Delete(t.Context(), live)))
	return "delete " + release.name + " by hand"
}

func (c *chaos) newChart(t *testing.T, _ string) string {
	t.Helper()
	c.publishChart(t, "")
	return "publish chart " + c.chart
}

func (c *chaos) brokenChart(t *testing.T, _ string) string {
	t.Helper()
	c.publishChart(t, []string{failsToRender, failsToApply}[c.IntN(2)])
	return "publish a broken chart"
}

// newTag pushes a tag of the image, after the last one has been committed: of two at once, only the newer gets a commit.
func (c *chaos) newTag(t *testing.T, _ string) string {
	t.Helper()
	if _, suspended := c.paused.(*imagev1.ImageRepository); suspended {
		return "nothing: the images are suspended"
	}
	c.eventually(t, func() error { return c.committed(t) })
	c.pushTag(t)
	return "push a tag"
}

func (c *chaos) newArtifact(t *testing.T, value string) string {
	t.Helper()
	c.pushArtifact(t, value)
	return "push an artifact"
}

// editObject changes or deletes an object from Git by hand.
func (c *chaos) editObject(t *testing.T, _ string) string {
	t.Helper()
	app := c.pick()
	for _, object := range c.first(app, 2) {
		if object.kind == "ConfigMap" {
			return c.edit(t, object)
		}
	}
	return "nothing: " + app + " has no object"
}

// editRelease changes or deletes an object of a release by hand.
func (c *chaos) editRelease(t *testing.T, _ string) string {
	t.Helper()
	release := c.pickRelease()
	return c.edit(t, object("ConfigMap", releaseNamespace(release), fmt.Sprintf("%s-%d", release.name, c.IntN(releaseMaps))))
}

func (c *chaos) edit(t *testing.T, object id) string {
	t.Helper()
	live := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: object.namespace, Name: object.name}}
	if c.IntN(2) == 0 {
		must(t, client.IgnoreNotFound(c.client.Delete(t.Context(), live)))
		return "delete " + object.name + " by hand"
	}
	patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:"mine"}},"data":{"value":"mine"}}`, valueKey)
	must(t, client.IgnoreNotFound(c.client.Patch(t.Context(), live, client.RawPatch(types.MergePatchType, []byte(patch)), client.FieldOwner("kubectl-edit"))))
	return "edit " + object.name + " by hand"
}

// pause suspends something, or resumes it.
func (c *chaos) pause(t *testing.T, _ string) string {
	t.Helper()
	suspend := c.paused == nil
	if suspend {
		live := metav1.ObjectMeta{Namespace: system}
		of := func(name string) metav1.ObjectMeta { live.Name = name; return live }
		c.paused = []client.Object{
			&kustomizev1.Kustomization{ObjectMeta: of(c.pick())},
			&kustomizev1.Kustomization{ObjectMeta: of(releases)},
			&sourcev1.GitRepository{ObjectMeta: of(source)},
			&sourcev1.OCIRepository{ObjectMeta: of(artifacts)},
			&sourcev1.HelmRepository{ObjectMeta: of(repositoryOfCharts)},
			&helmv2.HelmRelease{ObjectMeta: of(c.pickRelease().name)},
			&imagev1.ImageRepository{ObjectMeta: of(image)},
		}[c.IntN(7)]
	}
	what := fmt.Sprintf("%T %s", c.paused, c.paused.GetName())
	must(t, client.IgnoreNotFound(c.suspend(t, c.paused, suspend)))
	if suspend {
		return "suspend " + what
	}
	c.paused = nil
	return "resume " + what
}

func (c *chaos) suspend(t *testing.T, object client.Object, suspend bool) error {
	t.Helper()
	return c.client.Patch(t.Context(), object, client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"spec":{"suspend":%t}}`, suspend)))
}

func (c *chaos) isPaused(release id) bool {
	live, ok := c.paused.(*helmv2.HelmRelease)
	return ok && live.Name == release.name
}

// alerts sends messages to another channel, or stops them and lets them go on.
func (c *chaos) alerts(t *testing.T, value string) string {
	t.Helper()
	object := metav1.ObjectMeta{Namespace: system, Name: opsChannel}
	if c.muted || c.IntN(2) == 0 {
		c.muted = !c.muted
		must(t, c.suspend(t, &notificationv1beta3.Alert{ObjectMeta: object}, c.muted))
		return fmt.Sprintf("messages suspended: %t", c.muted)
	}
	c.ops = opsChannel + value
	patch := fmt.Sprintf(`{"spec":{"address":%q}}`, c.chat.URL(c.ops))
	must(t, c.client.Patch(t.Context(), &notificationv1beta3.Provider{ObjectMeta: object}, client.RawPatch(types.MergePatchType, []byte(patch))))
	return "messages go to " + c.ops
}

// first lists the first objects of an application.
func (c *chaos) first(app string, n int) []id {
	ids := c.fleet.ids(app)
	return ids[:min(len(ids), n)]
}
