Describe 'Ctrl+C' {
    BeforeAll {
        Import-Module "$PSScriptRoot/WirePS.Testing.psm1" -Force
        $wireHome = Get-TestHome 'waiting'
        $relayHome = Get-TestHome 'relay'
        Set-WireRelay (Open-TestRelay $relayHome) -WireHome $wireHome
        $protocol = @(Get-TestProtocol (Test-WireRelay -WireHome $wireHome).Url)[-1]
        $null = Initialize-WireIdentity -WireHome $wireHome
        $pair = New-WirePair -Detach -Protocol $protocol -WireHome $wireHome -WarningAction Ignore
    }

    AfterAll {
        Close-TestHome $wireHome, $relayHome
    }

    It 'ends <Name> promptly, and loses nothing' -ForEach @(
        @{ Name = 'Wait-WirePair'; Script = 'Wait-WirePair * -WireHome {0}'; IsOn = { $session.Shell.Streams.Warning.Count -gt 0 } }
        @{ Name = 'Watch-WirePair'; Script = 'Watch-WirePair -WireHome {0}'; IsOn = { $session.Output.Count -gt 0 } }
        @{ Name = 'Get-WireJournal -Wait'; Script = 'Get-WireJournal -Wait -WireHome {0}'; IsOn = { $session.Output.Count -gt 0 } }
        @{ Name = 'Start-WireDaemon -Foreground'; Script = 'Start-WireDaemon -Foreground -WireHome {0}'; IsOn = { (Get-WireDaemon -WireHome $wireHome).Pid -eq $PID } }
        @{ Name = 'Start-WireDaemon'; Script = 'Start-WireDaemon -WireHome {0}'; IsOn = { Test-Path "$wireHome/state/wire/daemon.out" } }
    ) {
        $before = Get-WirePendingPair -Id $pair.Id -WireHome $wireHome
        $session = Open-TestSession
        try {
            Invoke-TestSession $session ($Script -f "'$wireHome'")
            Wait-Until $IsOn | Should -BeTrue
            $took = Measure-Command { $session.Shell.Stop() }
            $took.TotalSeconds | Should -BeLessThan 10
            $session.Shell.InvocationStateInfo.State | Should -Be 'Stopped'
        }
        finally {
            Close-TestSession $session
            Close-TestHome $wireHome
        }

        $after = Get-WirePendingPair -Id $pair.Id -WireHome $wireHome
        $after.Code | Should -Be $before.Code
        $after.Status | Should -BeIn 'RequestHost', 'Polling'
        (Get-WireDaemon -WireHome $wireHome).Running | Should -BeFalse
    }

    It 'leaves a pairing in the foreground to others, and says so' {
        $session = Open-TestSession -Person
        try {
            Invoke-TestSession $session "New-WirePair -Protocol $protocol -WireHome '$wireHome'"
            Wait-Until { "$($session.Person.Shown)" -like '*Tell the other side*' } | Should -BeTrue
            $took = Measure-Command { $session.Shell.Stop() }
            $took.TotalSeconds | Should -BeLessThan 10
            "$($session.Person.Shown)" | Should -BeLike '*WARNING: The pairing goes on. Tell the other side: *Stop-WirePair*'
        }
        finally {
            Close-TestSession $session
        }

        @(Get-WirePendingPair -WireHome $wireHome -Status RequestHost, Polling).Count | Should -Be 2
    }

    It 'ends a downstream Select-Object -First with the watch' {
        $run = Invoke-TestProcess "(Watch-WirePair -WireHome '$wireHome' -WarningAction Ignore | Select-Object -First 1).Kind"
        $run.Ended | Should -BeTrue
        $run.Output.Trim() | Should -Be 'pair'
    }
}

Describe 'Without a person' {
    BeforeAll {
        Import-Module "$PSScriptRoot/WirePS.Testing.psm1" -Force
        $wireHome = Get-TestHome 'alone'
        $hostHome, $guestHome, $relayHome = 'host', 'guest', 'relay' | ForEach-Object { Get-TestHome $_ }
        $relay = Open-TestRelay $relayHome
        foreach ($each in $hostHome, $guestHome) {
            Set-WireRelay $relay -WireHome $each
            Start-WireDaemon -WireHome $each
        }

        $pair = Connect-TestPair $hostHome $guestHome -Protocol @(Get-TestProtocol $relay)[-1]
    }

    AfterAll {
        Close-TestHome $hostHome, $guestHome, $relayHome
    }

    It 'New-WirePair fails at once, and begins nothing' {
        $run = Invoke-TestProcess "New-WirePair -Relay '$relay' -WireHome '$wireHome' -ErrorVariable failure; `$failure.FullyQualifiedErrorId"
        $run.Ended | Should -BeTrue
        $run.Output + $run.Errors | Should -BeLike '*Nobody is here*-Detach*'
        $wireHome | Should -Not -Exist
    }

    It 'Confirm-WirePair fails for each, and confirms nothing by itself' {
        $run = Invoke-TestProcess "Get-WirePendingPair -WireHome '$hostHome' | Confirm-WirePair -ErrorAction SilentlyContinue -ErrorVariable failures; `$failures.FullyQualifiedErrorId; `$failures.TargetObject"
        $run.Ended | Should -BeTrue
        $run.Output | Should -BeLike "*WireDigitsRequired,*$($pair[0].Id)*"
        (Get-WirePendingPair -Id $pair[0].Id -WireHome $hostHome).Status | Should -Be 'SasReady'
    }

    It 'a job does not wait for an answer that nobody gives' {
        $module = Get-TestedManifest
        $job = Start-Job { Import-Module $using:module; Get-WirePendingPair -WireHome $using:hostHome | Confirm-WirePair }
        $null = $job | Wait-Job -Timeout 60
        $job.State | Should -Be 'Completed'
        $job | Receive-Job -ErrorAction SilentlyContinue -ErrorVariable failures
        $failures[0].FullyQualifiedErrorId | Should -BeLike 'WireDigitsRequired,*'
        $job | Remove-Job -Force
    }

    It 'a session without a screen does not either' {
        $session = Open-TestSession
        try {
            Invoke-TestSession $session "Get-WirePendingPair -WireHome '$hostHome' | Confirm-WirePair"
            Wait-TestSession $session | Should -BeTrue
            $session.Shell.Streams.Error[0].FullyQualifiedErrorId | Should -BeLike 'WireDigitsRequired,*'
        }
        finally {
            Close-TestSession $session
        }
    }

    It '-Confirm:$false does not replace the digits' {
        $run = Invoke-TestProcess "Get-WirePendingPair -WireHome '$hostHome' | Confirm-WirePair -Confirm:`$false -ErrorAction SilentlyContinue -ErrorVariable failures; `$failures.FullyQualifiedErrorId"
        $run.Output | Should -BeLike '*WireDigitsRequired,*'
        (Get-WirePendingPair -Id $pair[0].Id -WireHome $hostHome).Status | Should -Be 'SasReady'
    }
}

Describe 'With a person' {
    BeforeAll {
        Import-Module "$PSScriptRoot/WirePS.Testing.psm1" -Force
        $hostHome, $guestHome, $relayHome = 'host', 'guest', 'relay' | ForEach-Object { Get-TestHome $_ }
        $relay = Open-TestRelay $relayHome
        $protocol = @(Get-TestProtocol $relay)[-1]
        foreach ($each in $hostHome, $guestHome) {
            $null = Initialize-WireIdentity -Relay $relay -WireHome $each
        }
    }

    AfterAll {
        Close-TestHome $hostHome, $guestHome, $relayHome
    }

    It 'goes through the whole ceremony in the foreground, without a daemon' {
        $one, $two = (Open-TestSession -Person), (Open-TestSession -Person)
        try {
            Invoke-TestSession $one "New-WirePair -Protocol $protocol -WireHome '$hostHome'"
            Wait-Until { "$($one.Person.Shown)" -like '*Tell the other side: *' } | Should -BeTrue
            $code = (Get-WirePendingPair -WireHome $hostHome).Code
            "$($one.Person.Shown)" | Should -BeLike "*Tell the other side: $code*"
            Invoke-TestSession $two "New-WirePair -Code '$($code.ToLowerInvariant())' -WireHome '$guestHome'"
            Wait-Until { $one.Person.Questions -eq 1 -and $two.Person.Questions -eq 1 } | Should -BeTrue
            $digits = (Get-WirePendingPair -WireHome $hostHome).Sas, (Get-WirePendingPair -WireHome $guestHome).Sas
            "$($one.Person.Shown)" | Should -BeLike "*Your six digits are $($digits[0].Insert(3, '-'))*other side reads out*"
            $one.Person.Typed.Add('12')
            Wait-Until { $one.Person.Questions -eq 2 } | Should -BeTrue
            $one.Person.Typed.Add($digits[1])
            $two.Person.Typed.Add($digits[0].Insert(3, '-'))
            Wait-TestSession $one | Should -BeTrue
            Wait-TestSession $two | Should -BeTrue
            $one.Output[0].Status | Should -Be 'Paired'
            $two.Output[0].Status | Should -Be 'Paired'
            $one.Shell.Streams.Error.Count | Should -Be 0
            (Get-WirePeer -WireHome $hostHome).Tier | Should -Be 'Verified'
        }
        finally {
            Close-TestSession $one
            Close-TestSession $two
        }
    }

    It 'is asked by Confirm-WirePair, and wrong digits end the pairing' {
        foreach ($each in $hostHome, $guestHome) { Start-WireDaemon -WireHome $each }
        $pair = Connect-TestPair $hostHome $guestHome -Protocol $protocol
        $session = Open-TestSession -Person
        try {
            Invoke-TestSession $session "Get-WirePendingPair -Status SasReady -WireHome '$hostHome' | Confirm-WirePair"
            Wait-Until { $session.Person.Questions -eq 1 } | Should -BeTrue
            $session.Person.Typed.Add('{0:D6}' -f (([int]$pair[1].Sas + 1) % 1000000))
            Wait-TestSession $session | Should -BeTrue
            $session.Shell.Streams.Error[0].FullyQualifiedErrorId | Should -Match '^Wire(SasMismatch|OwnDigits),'
        }
        finally {
            Close-TestSession $session
        }
    }
}
