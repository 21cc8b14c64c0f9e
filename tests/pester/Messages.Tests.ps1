# Messages between two paired homes over a real relay, without daemons first, then with them. In one block: Pester takes away
# at the end of a block what came to the drive in it, and that would be half a home.

Describe 'Messages' {
    BeforeAll {
        Import-Module "$PSScriptRoot/WirePS.Testing.psm1" -Force
        $relayHome, $one, $two = (Get-TestHome 'relay'), (Get-TestHome 'one'), (Get-TestHome 'two')
        $relay = Open-TestRelay $relayHome
        $null = Initialize-WireIdentity -Handle first-side -Relay $relay -WireHome $one
        $null = Initialize-WireIdentity -Handle second-side -Relay $relay -WireHome $two
        $one, $two | ForEach-Object { Start-WireDaemon -WireHome $_ }
        $null = Complete-TestPair (Connect-TestPair $one $two)
        $null = Wait-Until { (Get-WirePeer -WireHome $one).PeerAcked -and (Get-WirePeer -WireHome $two).PeerAcked }
        $one, $two | ForEach-Object { Stop-WireDaemon -WireHome $_ }
    }

    AfterAll {
        Close-TestHome $one, $two, $relayHome
    }

    It 'carries <What> as it is' -ForEach @(
        @{ What = 'a text'; Value = ('gr{0}n, "you" {1} {2}' -f [char] 0xfc, [char] 0x6f22, [char]::ConvertFromUtf32(0x1f600)); Json = ('"gr{0}n, \"you\" {1} {2}"' -f [char] 0xfc, [char] 0x6f22, [char]::ConvertFromUtf32(0x1f600)) }
        @{ What = 'an integer'; Value = 42; Json = '42' }
        @{ What = 'a double that is an integer'; Value = 6 / 4 * 2; Json = '3' }
        @{ What = 'a decimal that is an integer'; Value = 7.00d; Json = '7' }
        @{ What = 'the largest integer'; Value = [ulong]::MaxValue; Json = '18446744073709551615' }
        @{ What = 'a truth value'; Value = $true; Json = 'true' }
        @{ What = 'nothing'; Value = $null; Json = 'null' }
        @{ What = 'an empty list'; Value = @(); Json = '[]' }
        @{ What = 'a list'; Value = @(1, 'x', $null); Json = '[1,"x",null]' }
        @{ What = 'a hashtable'; Value = @{ b = @{ c = 1, 2 }; a = 'x' }; Json = '{"a":"x","b":{"c":[1,2]}}' }
        @{ What = 'a custom object'; Value = [pscustomobject]@{ n = 5; t = [timespan]'0:01:30' }; Json = '{"n":5,"t":"00:01:30"}' }
        @{ What = 'an enumeration'; Value = [System.DayOfWeek]::Monday; Json = '"Monday"' }
        @{ What = 'a time'; Value = ([datetime] '2026-01-02T03:04:05Z').ToUniversalTime(); Json = '"2026-01-02T03:04:05.0000000Z"' }
    ) {
        $sent = Send-WireMessage second-side $Value -WireHome $one
        $sent.Status | Should -Be 'Delivered'
        $sent.Sealed | Should -BeTrue
        $received = Receive-WireMessage -WireHome $two
        @($received).Count | Should -Be 1
        $received.Id | Should -Be $sent.Id
        $received.Json | Should -BeExactly $Json
        (ConvertTo-Json -InputObject $received.Body -Compress -Depth 9) | Should -BeExactly (ConvertTo-Json -InputObject $sent.Body -Compress -Depth 9)
        Receive-WireMessage -WireHome $two | Should -BeNullOrEmpty
    }

    It 'sends a message for each object of the pipeline, in order' {
        1..5 | Send-WireMessage second-side -WireHome $one | ForEach-Object Status | Select-Object -Unique | Should -Be 'Delivered'
        (Receive-WireMessage -WireHome $two).Body | Should -Be 1, 2, 3, 4, 5
    }

    It 'sends what Get-Content reads as text and not with its notes' {
        Set-Content -Path TestDrive:/lines.txt -Value 'one', 'two'
        Get-Content TestDrive:/lines.txt | Send-WireMessage second-side -WireHome $one | Out-Null
        (Receive-WireMessage -WireHome $two).Json | Should -Be '"one"', '"two"'
    }

    It 'refuses <What>, and says what to do' -ForEach @(
        @{ What = 'a fraction'; Make = { 0.5 }; Word = '*0.5*not an integer*text*' }
        @{ What = 'a fraction deep inside'; Make = { @{ a = @(1, @{ b = 1.25d }) } }; Word = '*1.25*' }
        @{ What = 'a number beyond 64 bits'; Make = { [bigint]::Pow(2, 70) }; Word = '*64 bits*' }
        @{ What = 'a file'; Make = { Get-Item $PSCommandPath }; Word = '*Get-Content*' }
        @{ What = 'a process'; Make = { Get-Process -Id $PID }; Word = '*System.Diagnostics.Process*' }
        @{ What = 'a script'; Make = { { exit } }; Word = '*ScriptBlock*' }
        @{ What = 'a secret'; Make = { [securestring]::new() }; Word = '*SecureString*' }
        @{ What = 'what holds itself'; Make = { $loop = @{}; $loop.loop = $loop; $loop }; Word = '*64 levels*' }
    ) {
        $value = & $Make
        $record = Get-ErrorOf { Send-WireMessage second-side $value -WireHome $one }
        $record.FullyQualifiedErrorId | Should -BeLike 'WireInvalidMessage,*'
        "$record" | Should -BeLike $Word
        $record.ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
        (Get-WireDaemon -WireHome $one).Waiting | Should -Be 0
    }

    It 'finds the peer by handle, DID and fingerprint, and knows when there is none' {
        $peer = Get-WirePeer -WireHome $one
        $peer.Handle, $peer.Did, $peer.Fingerprint, 'sec*' | ForEach-Object { (Send-WireMessage $_ 'x' -WireHome $one).PeerDid } | Select-Object -Unique | Should -Be $peer.Did
        (Get-ErrorOf { Receive-WireMessage first-side, nobody -WireHome $two }).FullyQualifiedErrorId | Should -BeLike 'WirePeerNotFound,*'
        @(Receive-WireMessage first-side -WireHome $two).Count | Should -Be 4
        (Get-ErrorOf { Send-WireMessage nobody 'x' -WireHome $one }).FullyQualifiedErrorId | Should -BeLike 'WirePeerNotFound,*'
    }

    It 'prints what a peer wrote without control characters, and keeps it as it was' {
        $hostile = "a`r`n`e[31mred$([char]0x202E)`tb"
        $null = Send-WireMessage second-side $hostile -Type 'odd type' -WireHome $one
        $received = Receive-WireMessage -WireHome $two
        $received.Body | Should -BeExactly $hostile
        $received.Text | Should -BeExactly 'a [31mred b'
        $PSStyle.OutputRendering = 'PlainText'
        $shown = ($received | Out-String) + ($received | Format-List | Out-String) + "$received"
        $shown | Should -Not -Match '\e|\u202E'
        $shown | Should -BeLike '*(claim)*'
    }

    It 'takes objects whose names PowerShell would take for one another' {
        $table = [System.Collections.Specialized.OrderedDictionary]::new([System.StringComparer]::Ordinal)
        $table['a'] = 1
        $table['A'] = 2
        $table[''] = 3
        $null = Send-WireMessage second-side $table -WireHome $one
        $received = Receive-WireMessage -WireHome $two
        $received.Json | Should -BeExactly '{"":3,"A":2,"a":1}'
        $received.Body['A'], $received.Body['a'] | Should -Be 2, 1
    }

    It 'gives a message again that a script has failed on, and not one that it has taken' {
        'first', 'second', 'third', 'fourth' | Send-WireMessage second-side -WireHome $one | Out-Null
        { Receive-WireMessage -WireHome $two | ForEach-Object { if ($_.Body -eq 'second') { throw 'failed' } } } | Should -Throw 'failed'
        foreach ($once in 1) { Receive-WireMessage -WireHome $two | ForEach-Object { $taken = $_.Body; break } }
        $taken | Should -Be 'second'
        (Receive-WireMessage -First 1 -WireHome $two).Body | Should -Be 'third'
        (Receive-WireMessage -WireHome $two).Body | Should -Be 'fourth'
        (Receive-WireMessage -Consumer other-one -WireHome $two)[-1].Body | Should -Be 'fourth'
    }

    It 'lets one read under a name at a time' {
        $null = Send-WireMessage second-side 'x' -WireHome $one
        $record = Get-ErrorOf { Receive-WireMessage -WireHome $two | ForEach-Object { Receive-WireMessage -WireHome $two } }
        $record.FullyQualifiedErrorId | Should -BeLike 'WireConsumerBusy,*'
        $null = Receive-WireMessage -WireHome $two
        (Get-ErrorOf { Receive-WireMessage -Consumer '../x' -WireHome $two }).FullyQualifiedErrorId | Should -BeLike 'WireInvalidConsumer,*'
    }

    It 'waits for a message, reading the mailbox itself, and ends in time where none comes' {
        $null = Receive-WireMessage -WireHome $two
        (Get-ErrorOf { Receive-WireMessage -First 1 -Timeout 1 -WireHome $two }).FullyQualifiedErrorId | Should -BeLike 'WireWaitTimeout,*'
        Receive-WireMessage -Wait -Timeout 1 -WireHome $two | Should -BeNullOrEmpty
        $session = Open-TestSession
        try {
            Invoke-TestSession $session "Receive-WireMessage -Wait -First 2 -Timeout 60 -WireHome '$two'"
            Start-Sleep -Seconds 1
            'awaited', 'awaited too' | Send-WireMessage second-side -WireHome $one | Out-Null
            Wait-TestSession $session | Should -BeTrue
            $session.Output.Body | Should -Be 'awaited', 'awaited too'
        }
        finally {
            Close-TestSession $session
        }
    }

    It 'stops at once while it waits' {
        $session = Open-TestSession
        try {
            Invoke-TestSession $session "Receive-WireMessage -Wait -WireHome '$two'"
            Start-Sleep -Seconds 2
            $clock = [System.Diagnostics.Stopwatch]::StartNew()
            $session.Shell.Stop()
            $session.Shell.InvocationStateInfo.State | Should -Be 'Stopped'

            # A request is held open for 50 seconds.
            $clock.Elapsed.TotalSeconds | Should -BeLessThan 25
        }
        finally {
            Close-TestSession $session
        }

        $null = Send-WireMessage second-side 'after the stop' -WireHome $one
        (Receive-WireMessage -WireHome $two).Body | Should -Be 'after the stop'
    }

    It 'does nothing with -WhatIf' {
        $null = Send-WireMessage second-side 'kept' -WireHome $one
        $before = Get-Snapshot $two
        Receive-WireMessage -WhatIf -WireHome $two | Should -BeNullOrEmpty
        Get-Snapshot $two | Should -Be $before
        $before = Get-Snapshot $one
        Send-WireMessage second-side 'not sent' -WhatIf -WireHome $one | Should -BeNullOrEmpty
        Get-Snapshot $one | Should -Be $before
        (Receive-WireMessage -WireHome $two).Body | Should -Be 'kept'
    }

    It 'shows both directions with the newest at the end' {
        $null = Send-WireMessage second-side 'there' -WireHome $one
        $null = Send-WireMessage first-side 'and back' -WireHome $two
        $null = Receive-WireMessage -WireHome $one
        $null = Receive-WireMessage -WireHome $two
        $shown = Get-WireMessage -Last 2 -WireHome $one
        $shown.Body | Should -Be 'there', 'and back'
        $shown.Direction | Should -Be 'Sent', 'Received'
        $shown.Status | Should -Be 'Delivered', $null
        Get-WireMessage -After (Get-Date).AddHours(1) -WireHome $one | Should -BeNullOrEmpty
        (Get-WireMessage second-side -WireHome $one).Count | Should -BeGreaterThan 10
    }

    It 'queues, and a tick delivers and tells' {
        $queued = Send-WireMessage second-side 'later' -Queue -WireHome $one
        $queued.Status | Should -Be 'Queued'
        (Get-WireDaemon -WireHome $one).Waiting | Should -Be 1
        (Get-WireMessage -WireHome $one | Where-Object Status -EQ Queued).Id | Should -Be $queued.Id
        $told = Invoke-WireTick -WireHome $one
        $told.Delivered, $told.Waiting | Should -Be 1, 0
        (Invoke-WireTick -WireHome $two).Received | Should -Be 1
        (Receive-WireMessage -WireHome $two).Body | Should -Be 'later'
    }

    It 'checks events, and never fails for a bad one' {
        $null = Send-WireMessage second-side 'to be checked' -WireHome $one
        $received = Receive-WireMessage -WireHome $two
        $verdict = $received | Test-WireMessage
        $verdict.Valid, $verdict.Verdict, $verdict.Peer, $verdict.Tier, $verdict.IsForThisHome | Should -Be $true, 'Valid', 'first-side', 'Verified', $true
        $verdict.Fingerprint | Should -Be (Get-WirePeer -WireHome $two).Fingerprint
        $line = Get-Content (Join-Path $two 'state/wire/inbox/first-side.jsonl') -Tail 1
        ($line | Test-WireMessage -WireHome $two).Valid | Should -BeTrue
        ($line.Replace('"kind":1', '"kind":1000') | Test-WireMessage -WireHome $two).Verdict | Should -Be 'IdMismatch'
        ($line | Test-WireMessage -WireHome $relayHome).Verdict | Should -Be 'UnknownAgent'
        Set-Content -Path TestDrive:/event.json -Value $line
        (Test-WireMessage -Path TestDrive:/event.json -WireHome $two).Valid | Should -BeTrue
        (Get-Item TestDrive:/event.json | Test-WireMessage -WireHome $two).Valid | Should -BeTrue
        '', '{', '[]', 'null', '{}', ('[' * 9999) | Test-WireMessage -WireHome $two | ForEach-Object Valid | Select-Object -Unique | Should -Be $false
        (Get-ErrorOf { Test-WireMessage -Id ('0' * 64) -WireHome $two }).FullyQualifiedErrorId | Should -BeLike 'WireMessageNotFound,*'
        (Get-ErrorOf { Test-WireMessage -Path TestDrive:/none.json -WireHome $two }).FullyQualifiedErrorId | Should -BeLike 'WireFileUnreadable,*'
    }

    It 'offers the peers for -Peer' {
        $line = "Send-WireMessage -WireHome '$one' -Peer sec"
        ([System.Management.Automation.CommandCompletion]::CompleteInput($line, $line.Length, $null)).CompletionMatches.CompletionText | Should -Contain 'second-side'
    }

    It 'leaves a message in the outbox while the relay is away, and says what delivers it' {
        $port = ([uri] $relay).Port
        Stop-WireRelay -WireHome $relayHome
        $sent = Send-WireMessage second-side 'kept safe' -WireHome $one -WarningVariable warnings -WarningAction SilentlyContinue
        $sent.Status | Should -Be 'Queued'
        "$warnings" | Should -BeLike '*Start-WireDaemon*Invoke-WireTick*'
        Receive-WireMessage -WireHome $two -WarningVariable warnings -WarningAction SilentlyContinue | Should -BeNullOrEmpty
        "$warnings" | Should -Not -BeNullOrEmpty
        $null = Start-WireRelay -Port $port -WireHome $relayHome
        (Invoke-WireTick -WireHome $one).Delivered | Should -Be 1
        (Receive-WireMessage -WireHome $two).Body | Should -Be 'kept safe'
    }

    It 'delivers by daemons what was queued, and wakes whoever waits' {
        $one, $two | ForEach-Object { Start-WireDaemon -WireHome $_ }
        $session = Open-TestSession
        try {
            Invoke-TestSession $session "Receive-WireMessage first-side -First 3 -Timeout 60 -WireHome '$two'"
            1..3 | Send-WireMessage second-side -Queue -WireHome $one | ForEach-Object Status | Select-Object -Unique | Should -Be 'Queued'
            Wait-TestSession $session | Should -BeTrue
            $session.Output.Body | Should -Be 1, 2, 3
        }
        finally {
            Close-TestSession $session
        }

        Wait-Until { (Get-WireDaemon -WireHome $one).Waiting -eq 0 } | Should -BeTrue
        $one, $two | ForEach-Object { Stop-WireDaemon -WireHome $_ }
    }

    It 'tells that the mailbox no longer takes messages, and keeps what was refused apart' {
        Remove-WirePeer first-side -WireHome $two -Confirm:$false
        $null = Invoke-WireTick -WireHome $two
        $record = Get-ErrorOf { Send-WireMessage second-side 'to nobody' -WireHome $one }
        $record.FullyQualifiedErrorId | Should -BeLike 'WireRouteStale,*'
        (Get-WireMessage -Last 1 -WireHome $one).Status | Should -Be 'Stale'
        (Get-WireMessage -Last 1 -WireHome $two).Problem | Should -Be 'PeerUnknown'
        Get-WireMessage -Refused -WireHome $two | Should -BeNullOrEmpty
    }
}
