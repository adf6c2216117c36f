// Copyright 2026 The Weir Authors
// SPDX-License-Identifier: Apache-2.0

package result

import "slices"

// Names of scenarios, steps and controllers, which figures refer to.
const (
	Fanout   = "fanout"
	Chain    = "chain"
	Wait     = "wait"
	Monorepo = "monorepo"
	Helm     = "helm"
	Push     = "push"
	Image    = "image"

	FirstApply       = "first apply"
	ChangeAll        = "change all"
	ChangeOne        = "change one"
	Forced           = "forced, nothing changed"
	HandEdit         = "edit by hand"
	Idle             = "idle"
	SickFirst        = "first apply, 6 of 40 sick"
	SickChange       = "change all, 6 of 40 sick"
	FirstFetch       = "first artifact"
	OneLinePush      = "one-line push"
	WholeRun         = "whole run"
	HelmInstall      = "install"
	HelmUpgrade      = "values upgrade"
	HelmWait         = "install and wait, 10 of them, 1 sick"
	HelmWell         = "install and wait, 54 of them"
	HelmSick         = "the same, beside 6 that never get ready"
	PushLive         = "20 pushes"
	NewTag           = "10 new tags"
	SourceName       = "source-controller"
	KustomizeName    = "kustomize-controller"
	HelmName         = "helm-controller"
	NotificationName = "notification-controller"
	ImageName        = "image-automation-controller"
)

// Scenarios lists the names of the scenarios in the order in which they are
// measured and reported.
func Scenarios() []string {
	return []string{Fanout, Chain, Wait, Monorepo, Helm, Push, Image}
}

// Unit is how a figure is written.
type Unit string

// Units of figures. Values are in seconds, bytes or plain.
const (
	Seconds    Unit = "s"
	CPUSeconds Unit = "CPU s"
	Count      Unit = "requests"
	Megabytes  Unit = "MB" // of 1,000,000 bytes
	Times      Unit = "times"
)

// Figure is a value that must be reached (DESIGN, section 6).
type Figure struct {
	// Scenario and Step are where it is measured.
	Scenario string `json:"scenario"`
	Step     string `json:"step"`
	Metric   Metric `json:"metric"`
	// Work is what is done, in words. Figures of the same work follow each other.
	Work string `json:"work"`
	// Name is what is measured, in words.
	Name string `json:"name"`
	Unit Unit   `json:"unit"`
	// Target is what the compatibility target needs, as text with its unit.
	Target string `json:"target,omitempty"`
	// Must is the highest value that is good enough.
	Must float64 `json:"must"`
	// Aim is the value to strive for, 0 if there is none.
	Aim float64 `json:"aim,omitempty"`
}

// Outcome is a figure with what was measured.
type Outcome struct {
	Figure

	// Value is absent when the step waited in vain.
	Value   *float64 `json:"value,omitempty"`
	Reached bool     `json:"reached"`
}

// evaluate holds the steps of a scenario against its figures. A figure of a step
// that was not asked for, such as idle, is left out.
func evaluate(scenario string, steps []Step) []Outcome {
	byName := map[string]Step{}
	for _, step := range steps {
		byName[step.Name] = step
	}
	var outcomes []Outcome
	for _, figure := range Figures() {
		step, measured := byName[figure.Step]
		if figure.Scenario != scenario || !measured {
			continue
		}
		outcome := Outcome{Figure: figure}
		if value, ok := step.Values[figure.Metric]; ok {
			outcome.Value, outcome.Reached = &value, value <= figure.Must
		}
		outcomes = append(outcomes, outcome)
	}
	return outcomes
}

// Figures lists what must be reached, in the order of the report.
func Figures() []Figure {
	return slices.Concat(fanoutFigures(), waitFigures(), monorepoFigures(), helmFigures(), hookFigures())
}

const megabyte = 1e6

// of completes figures with where they are measured and what is done there.
func of(scenario, step, work string, figures ...Figure) []Figure {
	for i := range figures {
		figures[i].Scenario, figures[i].Step, figures[i].Work = scenario, step, work
	}
	return figures
}

// settled, cpu, requests and peak are the figures that most scenarios have.
func settled(name, target string, must, aim float64) Figure {
	return Figure{Metric: Settled, Name: name, Unit: Seconds, Target: target, Must: must, Aim: aim}
}

func cpu(target string, must float64) Figure {
	return Figure{Metric: CPU, Name: "CPU of the controllers", Unit: CPUSeconds, Target: target, Must: must}
}

func requests(target string, must float64) Figure {
	return Figure{Metric: Requests, Name: "requests of the controllers", Unit: Count, Target: target, Must: must}
}

func peak(controller, target string, must, aim float64) Figure {
	return Figure{Metric: PeakOf(controller), Name: "peak", Unit: Megabytes, Target: target, Must: must, Aim: aim}
}

func fanoutFigures() []Figure {
	return slices.Concat(
		of(Fanout, FirstApply, "100 Kustomizations × 10 ConfigMaps, first apply",
			settled("all settled", "23 s", 10, 6), cpu("21.7 CPU s", 6), requests("4,100", 2600)),
		of(Fanout, ChangeAll, "a push that changes all 1,000 objects",
			settled("all settled", "29 s", 10, 6), cpu("27 CPU s", 6), requests("4,000", 2400)),
		of(Fanout, ChangeOne, "a push that changes 1 app of 100",
			Figure{Metric: Live, Name: "objects live", Unit: Seconds, Target: "1.2 s", Must: 0.5, Aim: 0.3},
			settled("all settled", "27 s", 3, 1), cpu("27 CPU s", 2), requests("2,900", 250)),
		of(Fanout, Forced, "forced reconcile of all 100, nothing changed",
			settled("all answered", "23 s", 2, 1), cpu("25 CPU s", 1.5), requests("2,900", 120)),
		of(Fanout, HandEdit, "a live object edited by hand",
			Figure{Metric: PutBack, Name: "put back, slowest of 5", Unit: Seconds, Target: "next interval (60 min)", Must: 1, Aim: 0.2}),
		of(Fanout, Idle, "idle, 100 Kustomizations",
			Figure{Metric: RequestsPerObject, Name: "requests per object and status writes", Unit: Count, Must: 0}),
		of(Fanout, WholeRun, "memory of kustomize-controller after all that", peak(KustomizeName, "180 MB", 120*megabyte, 80*megabyte)),
	)
}

// waitFigures are those of the scenarios that wait for health.
func waitFigures() []Figure {
	return slices.Concat(
		of(Chain, FirstApply, "10 Kustomizations in a dependsOn chain, wait: true", settled("all settled", "270 s", 4, 2)),
		of(Wait, FirstApply, "100 apps of 1 Deployment + 3 ConfigMaps, wait: true, first apply", settled("all settled", "91 s", 12, 6)),
		of(Wait, ChangeAll, "the same, a push that changes all", settled("all settled", "136 s", 12, 6)),
		of(Wait, SickFirst, "40 such apps, 6 of which never get healthy, first apply", settled("the 34 others settled", "173 s", 8, 4)),
		of(Wait, SickChange, "the same, a push that changes all", settled("the 34 others settled", "200 s", 8, 4)),
	)
}

func monorepoFigures() []Figure {
	return slices.Concat(
		of(Monorepo, FirstFetch, "20,000-file Git repository (97 MB packed), first artifact", settled("artifact", "25 s", 20, 0)),
		of(Monorepo, OneLinePush, "the same, a one-line push",
			settled("new artifact", "33.6 s", 2, 1), cpu("33 CPU s", 2),
			Figure{Metric: GitBytes, Name: "fetched", Unit: Megabytes, Target: "97 MB", Must: 1 * megabyte}),
		of(Monorepo, WholeRun, "memory of source-controller after all that", peak(SourceName, "378 MB", 200*megabyte, 0)),
	)
}

func helmFigures() []Figure {
	return slices.Concat(
		of(Helm, HelmInstall, "30 HelmReleases × 10 ConfigMaps of one chart from Git, install",
			settled("all ready", "8.3 s", 5, 4), requests("2,600", 1400), cpu("5.0 CPU s", 5)),
		of(Helm, Forced, "forced reconcile of all 30, nothing changed",
			settled("all answered", "1.8 s", 0.6, 0.3), requests("870", 40), cpu("1.1 CPU s", 0.2)),
		of(Helm, HelmUpgrade, "new values for all 30",
			settled("all ready", "7.7 s", 5, 4), requests("2,550", 1200), cpu("6.2 CPU s", 6.2)),
		of(Helm, HelmWait, "10 HelmReleases of 1 Deployment, waiting on, 1 of which never gets ready, install", settled("the 9 others ready", "", 5, 0)),
		of(Helm, HelmSick, "60 such HelmReleases, 6 of which never get ready, install",
			Figure{Metric: Ratio, Name: "the 54 others ready, against the 54 alone", Unit: Times, Must: 1.2}),
		of(Helm, WholeRun, "memory of helm-controller after all that", peak(HelmName, "147 MB", 110*megabyte, 0)),
	)
}

// hookFigures are those of the scenarios that start with a webhook.
func hookFigures() []Figure {
	return slices.Concat(
		of(Push, PushLive, "a push, told by a webhook to a Receiver, until the first changed object is live",
			Figure{Metric: LiveP95, Name: "95th percentile", Unit: Seconds, Must: 1}),
		of(Image, NewTag, "a new tag in a registry, told by a webhook to a Receiver, until the commit is pushed",
			Figure{Metric: LiveP95, Name: "95th percentile", Unit: Seconds, Must: 3}),
	)
}
