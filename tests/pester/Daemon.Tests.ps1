Describe 'The daemon' {
    BeforeAll {
        Import-Module "$PSScriptRoot/WirePS.Testing.psm1" -Force
        $wireHome = Get-TestHome 'daemon'
    }

    AfterEach {
        Close-TestHome $wireHome
    }

    It 'is ready when Start-WireDaemon returns' {
        $daemon = Start-WireDaemon -WireHome $wireHome -PassThru
        $daemon.Running | Should -BeTrue
        $daemon.Pid | Should -Be (Get-WireDaemon -WireHome $wireHome).Pid
        Get-Process -Id $daemon.Pid | Should -Not -BeNullOrEmpty
        $daemon.LogPath | Should -Exist
        $daemon.Version | Should -Be '0.1.0'
        Get-Content $daemon.LogPath | Select-Object -Last 1 | Should -BeLike "*started as did:wire:*process $($daemon.Pid)*"
    }

    It 'writes nothing without -PassThru, and is started once' {
        Start-WireDaemon -WireHome $wireHome | Should -BeNullOrEmpty
        $first = (Get-WireDaemon -WireHome $wireHome).Pid
        $again = Start-WireDaemon -WireHome $wireHome -PassThru -Verbose 4>&1
        ($again | Where-Object { $_ -is [System.Management.Automation.VerboseRecord] }) -join ' ' | Should -BeLike '*runs already*'
        ($again | Where-Object { $_ -isnot [System.Management.Automation.VerboseRecord] }).Pid | Should -Be $first
    }

    It 'survives the shell that started it, in a session of its own, and holds nothing of it open' {
        # Reading the output to its end would hang if the daemon had inherited it.
        $run = Invoke-TestProcess "(Start-WireDaemon -WireHome '$wireHome' -PassThru).Pid; `$PID"
        $run.Ended | Should -BeTrue
        $daemon, $shell = $run.Output.Trim() -split '\s+'
        (Get-WireDaemon -WireHome $wireHome).Pid | Should -Be $daemon
        if ($IsLinux) {
            (ps -o sid= -p $daemon).Trim() | Should -Be $daemon
            (ps -o tty= -p $daemon).Trim() | Should -Be '?'
            0..2 | ForEach-Object { [System.IO.File]::ResolveLinkTarget("/proc/$daemon/fd/$_", $true).FullName } | Should -Be '/dev/null', "$wireHome/state/wire/daemon.out", "$wireHome/state/wire/daemon.out"
        }

        $shell | Should -Not -Be $daemon
    }

    It 'survives its terminal' -Skip:(-not (Get-Command script -ErrorAction Ignore) -or -not $IsLinux) {
        # script gives the shell a terminal and closes it when the shell has gone.
        $module = Get-TestedManifest
        script -qec "pwsh -NoProfile -Command `"Import-Module '$module'; Start-WireDaemon -WireHome '$wireHome'`"" /dev/null | Out-Null
        Start-Sleep -Milliseconds 500
        (Get-WireDaemon -WireHome $wireHome).Running | Should -BeTrue
    }

    It 'says nothing secret on its command line' -Skip:$IsWindows {
        $daemon = Start-WireDaemon -WireHome $wireHome -PassThru
        (ps -o args= -ww -p $daemon.Pid) | Should -BeLike "*Start-WireDaemon -Foreground -WireHome '$wireHome'*"
    }

    It 'has one place for each home' {
        Start-WireDaemon -WireHome $wireHome
        $run = Invoke-TestProcess "Start-WireDaemon -Foreground -WireHome '$wireHome' -ErrorVariable failure -ErrorAction SilentlyContinue" -Timeout 60
        $run.Ended | Should -BeTrue
        $run.Errors + $run.Output | Should -BeLike '*A daemon runs for this home already*'
    }

    It 'is refused in a remoting session' {
        Set-Variable -Name PSSenderInfo -Scope Global -Value ([pscustomobject]@{ UserInfo = 'somebody' })
        try {
            $record = Get-ErrorOf { Start-WireDaemon -WireHome $wireHome }
            $record.FullyQualifiedErrorId | Should -BeLike 'WireDaemonInRemoting,*'
            $record.ErrorDetails.RecommendedAction | Should -BeLike '*Invoke-WireTick*'
        }
        finally {
            Remove-Variable -Name PSSenderInfo -Scope Global
        }

        (Get-WireDaemon -WireHome $wireHome).Running | Should -BeFalse
    }

    It 'says why it could not start' -Skip:$IsWindows {
        $broken = Get-TestHome 'broken'
        $null = Initialize-WireIdentity -WireHome $broken
        chmod 644 "$broken/config/wire/private.key"
        $record = Get-ErrorOf { Start-WireDaemon -WireHome $broken }
        $record.FullyQualifiedErrorId | Should -BeLike 'WireDaemonStartFailed,*'
        "$record" | Should -BeLike '*holds secrets and has mode 644*'
        (Get-WireDaemon -WireHome $broken).Running | Should -BeFalse
    }

    It 'ends in order on SIGTERM' -Skip:$IsWindows {
        $daemon = Start-WireDaemon -WireHome $wireHome -PassThru
        kill -TERM $daemon.Pid
        Wait-Until { -not (Get-WireDaemon -WireHome $wireHome).Running } | Should -BeTrue
        "$wireHome/state/wire/daemon.pid" | Should -Not -Exist
        Get-Content $daemon.LogPath | Select-Object -Last 1 | Should -BeLike '*stopped'
    }

    It 'ends with its home, and does not bring it back' -Skip:$IsWindows {
        $gone = Get-TestHome 'gone'
        $daemon = Start-WireDaemon -WireHome $gone -PassThru
        Remove-Item -Path $gone -Recurse -Force
        Wait-Until { -not (Get-Process -Id $daemon.Pid -ErrorAction Ignore) } | Should -BeTrue
        $gone | Should -Not -Exist
    }

    It 'is ended when it does not stop by itself' -Skip:$IsWindows {
        $daemon = Start-WireDaemon -WireHome $wireHome -PassThru
        kill -STOP $daemon.Pid
        (Stop-WireDaemon -WireHome $wireHome -Timeout 1 -PassThru).Running | Should -BeFalse
        Wait-Until { -not (Get-Process -Id $daemon.Pid -ErrorAction Ignore) } | Should -BeTrue
    }

    It 'is not running when it was killed, whatever its pid file says' -Skip:$IsWindows {
        $daemon = Start-WireDaemon -WireHome $wireHome -PassThru
        kill -KILL $daemon.Pid
        Wait-Until { -not (Get-WireDaemon -WireHome $wireHome).Running } | Should -BeTrue
        "$wireHome/state/wire/daemon.pid" | Should -Exist
        (Start-WireDaemon -WireHome $wireHome -PassThru).Pid | Should -Not -Be $daemon.Pid
    }
}

Describe 'The relay beside the module' {
    BeforeAll {
        Import-Module "$PSScriptRoot/WirePS.Testing.psm1" -Force
        $wireHome = Get-TestHome 'relay'
    }

    AfterEach {
        Close-TestHome $wireHome
    }

    It 'listens when Start-WireRelay returns, and comes back where it was' {
        $relay = Start-WireRelay -Port 0 -WireHome $wireHome
        $health = $relay | Test-WireRelay
        $health.Healthy | Should -BeTrue
        $health.RelayId | Should -Be $relay.RelayId
        $health.LatencyMs | Should -BeGreaterThan 0
        (Start-WireRelay -Port 0 -WireHome $wireHome).Pid | Should -Be $relay.Pid
        Stop-WireRelay -WireHome $wireHome
        (Test-WireRelay $relay.Url).Healthy | Should -BeFalse
        $again = Start-WireRelay -WireHome $wireHome
        $again.Url | Should -Be $relay.Url
        $again.RelayId | Should -Be $relay.RelayId
    }

    It 'survives the shell that started it' {
        $run = Invoke-TestProcess "(Start-WireRelay -Port 0 -WireHome '$wireHome').Url"
        $run.Ended | Should -BeTrue
        (Test-WireRelay $run.Output.Trim()).Healthy | Should -BeTrue
    }

    It 'says why it could not start' {
        $relay = Start-WireRelay -Port 0 -WireHome $wireHome
        $record = Get-ErrorOf { Start-WireRelay -Port ([uri]$relay.Url).Port -WireHome (Get-TestHome 'other-relay') }
        $record.FullyQualifiedErrorId | Should -BeLike 'WireRelayStartFailed,*'
        "$record" | Should -BeLike '*It said:*'
    }

    It 'binds to Set-WireRelay' {
        $relay = Start-WireRelay -Port 0 -WireHome $wireHome
        $relay | Set-WireRelay
        (Get-WireIdentity -WireHome $wireHome -WarningAction Ignore) | Should -BeNullOrEmpty
        (Test-WireRelay -WireHome $wireHome).Url | Should -Be $relay.Url
    }
}

Describe 'kill -9 at <Point>' -Skip:$IsWindows -ForEach @(
    @{ Point = 'the request'; Victim = 'host'; Until = { $true } }
    @{ Point = 'polling'; Victim = 'host'; Until = { (Get-WirePendingPair -WireHome $homes.host).Status -eq 'Polling' } }
    @{ Point = 'the join'; Victim = 'guest'; Until = { $true } }
    @{ Point = 'the digits'; Victim = 'guest'; Until = { (Get-WirePendingPair -WireHome $homes.guest -ErrorAction Ignore).Status -eq 'SasReady' } }
    @{ Point = 'the confirmation'; Victim = 'host'; Until = { (Get-WirePendingPair -WireHome $homes.host).Status -in 'Confirmed', 'Paired' } }
    @{ Point = 'the pin'; Victim = 'guest'; Until = { Get-WirePeer -WireHome $homes.guest } }
) {
    BeforeAll {
        Import-Module "$PSScriptRoot/WirePS.Testing.psm1" -Force
        $homes = @{}
        foreach ($name in 'relay', 'host', 'guest') { $homes[$name] = Get-TestHome "$name-$($Point.Replace(' ', ''))" }
        $relay = Open-TestRelay $homes.relay
        $protocol = @(Get-TestProtocol $relay)[-1]
        foreach ($name in 'host', 'guest') {
            Set-WireRelay $relay -WireHome $homes[$name]
            Start-WireDaemon -WireHome $homes[$name]
        }

        # The killer strikes as soon as its moment has come, once.
        $script:isDone = $false
        function Invoke-Killer {
            if (-not $script:isDone -and (& $Until)) {
                kill -KILL (Get-WireDaemon -WireHome $homes[$Victim]).Pid
                $script:isDone = $true
                $null = Wait-Until { -not (Get-WireDaemon -WireHome $homes[$Victim]).Running }
                Start-WireDaemon -WireHome $homes[$Victim]
            }
        }

        function Wait-Status([string] $Status) {
            Wait-Until {
                Invoke-Killer
                @('host', 'guest' | Where-Object { (Get-WirePendingPair -WireHome $homes[$_]).Status -eq $Status }).Count -eq 2
            }
        }
    }

    AfterAll {
        Close-TestHome $homes.Values
    }

    It 'of the <Victim> and a restart lose nothing' {
        $made = New-WirePair -Detach -Protocol $protocol -WireHome $homes.host
        if ($Point -in 'the request', 'polling') { Wait-Until { Invoke-Killer; $script:isDone } | Should -BeTrue }
        $joined = New-WirePair -Code $made.Code -Detach -WireHome $homes.guest
        if ($Victim -eq 'guest') { Invoke-Killer }
        Wait-Status SasReady | Should -BeTrue
        $digits = @{}
        foreach ($name in 'host', 'guest') { $digits[$name] = (Get-WirePendingPair -WireHome $homes[$name]).Sas }
        $made | Confirm-WirePair -Digits $digits.guest
        Invoke-Killer
        $joined | Confirm-WirePair -Digits $digits.host
        Wait-Status Paired | Should -BeTrue
        Wait-Until { Invoke-Killer; $script:isDone } | Should -BeTrue
        foreach ($name in 'host', 'guest') {
            (Get-WirePeer -WireHome $homes[$name]).Tier | Should -Be 'Verified'
            (Test-WireAuditLog -WireHome $homes[$name]).Valid | Should -BeTrue
        }
    }
}
