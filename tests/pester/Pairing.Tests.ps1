BeforeDiscovery {
    Import-Module "$PSScriptRoot/WirePS.Testing.psm1" -Force
    $folder = Join-Path ([System.IO.Path]::GetTempPath()) "wireps-$([guid]::NewGuid())"
    try {
        $protocols = Get-TestProtocol (Open-TestRelay $folder) | ForEach-Object { @{ Protocol = $_ } }
    }
    finally {
        Close-TestHome $folder
        Remove-Item -Path $folder -Recurse -Force -ErrorAction Ignore
    }
}

Describe 'Two homes, two daemons, one relay (<Protocol>)' -ForEach $protocols {
    BeforeAll {
        Import-Module "$PSScriptRoot/WirePS.Testing.psm1" -Force
        $relayHome, $hostHome, $guestHome = 'relay', 'host', 'guest' | ForEach-Object { Get-TestHome "$_-$Protocol" }
        $relay = Open-TestRelay $relayHome
        foreach ($each in $hostHome, $guestHome) {
            $null = Initialize-WireIdentity -Relay $relay -WireHome $each
            Start-WireDaemon -WireHome $each
        }
    }

    AfterAll {
        Close-TestHome $hostHome, $guestHome, $relayHome
    }

    It 'pairs, detached' {
        $pair = Connect-TestPair $hostHome $guestHome -Protocol $Protocol
        $pair.Status | Should -Be 'SasReady', 'SasReady'
        $pair[0].Sas | Should -Match '^\d{6}$'
        if ($Protocol -eq 'V1') { $pair[0].Sas | Should -Be $pair[1].Sas } else { $pair[0].Sas | Should -Not -Be $pair[1].Sas }
        (Complete-TestPair $pair).Status | Should -Be 'Paired', 'Paired'
        $hostPeer = Get-WirePeer -WireHome $hostHome
        $hostPeer.Tier | Should -Be 'VERIFIED'
        $hostPeer.Fingerprint | Should -Be (Get-WireIdentity -WireHome $guestHome).Fingerprint
        (Get-WirePeer -WireHome $guestHome).Fingerprint | Should -Be (Get-WireIdentity -WireHome $hostHome).Fingerprint
        Wait-Until { (Get-WirePeer -WireHome $hostHome).PeerAcked -and (Get-WirePeer -WireHome $guestHome).PeerAcked } | Should -BeTrue
        (Test-WireAuditLog -WireHome $hostHome).Valid | Should -BeTrue
    }

    It 'confirms nothing by itself: a pairing in the pipeline has no digits to give' {
        $pair = Connect-TestPair $hostHome $guestHome -Protocol $Protocol
        $run = Invoke-TestProcess "Get-WirePendingPair -Status SasReady -WireHome '$hostHome' | Confirm-WirePair -ErrorVariable failures -ErrorAction SilentlyContinue; `$failures.FullyQualifiedErrorId"
        $run.Ended | Should -BeTrue
        $run.Output.Trim() | Should -BeLike 'WireDigitsRequired,*'
        (Get-WirePendingPair -Id $pair[0].Id -WireHome $hostHome).Status | Should -Be 'SasReady'
    }

    It 'refuses digits that are <Name>, and changes nothing' -ForEach @(
        @{ Name = 'a number'; Digits = { 123456 } }
        @{ Name = 'a number with a fraction'; Digits = { 123456.0 } }
        @{ Name = 'too few'; Digits = { '12345' } }
        @{ Name = 'too many'; Digits = { '1234567' } }
        @{ Name = 'letters'; Digits = { 'abcdef' } }
        @{ Name = 'digits of another script'; Digits = { "$([char]0x0661)23456" } }
    ) {
        $pair = @(Get-WirePendingPair -Status SasReady -WireHome $hostHome)[0]
        $pair ??= (Connect-TestPair $hostHome $guestHome -Protocol $Protocol)[0]
        $records = @(Get-ErrorOf { $pair | Confirm-WirePair -Digits (& $Digits) })
        $records.Count | Should -Be 1
        $records[0].FullyQualifiedErrorId | Should -BeLike 'WireInvalidDigits,*'
        $records[0].ErrorDetails.RecommendedAction | Should -BeLike '*quoted*'
        (Get-WirePendingPair -Id $pair.Id -WireHome $hostHome).Status | Should -Be 'SasReady'
    }

    It 'refuses an unquoted number, even where PowerShell has kept its zero' {
        $pair = @(Get-WirePendingPair -Status SasReady -WireHome $hostHome)[0]
        (Get-ErrorOf { $pair | Confirm-WirePair -Digits 012345 }).FullyQualifiedErrorId | Should -BeLike 'WireInvalidDigits,*'
    }

    It 'takes digits with spaces and dashes' {
        $pair = Connect-TestPair $hostHome $guestHome -Protocol $Protocol
        $pair[0] | Confirm-WirePair -Digits (' ' + $pair[1].Sas.Insert(3, '-') + ' ')
        $pair[1] | Confirm-WirePair -Digits $pair[0].Sas.Insert(3, ' ')
        ($pair | Wait-WirePair -Timeout 60).Status | Should -Be 'Paired', 'Paired'
    }

    It 'ends on both sides when the digits differ' {
        $pair = Connect-TestPair $hostHome $guestHome -Protocol $Protocol
        $wrong = '{0:D6}' -f (([int]$pair[1].Sas + 1) % 1000000)
        if ($wrong -eq $pair[0].Sas) { $wrong = '{0:D6}' -f (([int]$pair[1].Sas + 2) % 1000000) }
        $record = Get-ErrorOf { $pair[0] | Confirm-WirePair -Digits $wrong }
        $record.FullyQualifiedErrorId | Should -BeLike 'WireSasMismatch,*'
        $record.TargetObject | Should -Be $pair[0].Id
        $other = Get-ErrorOf { $pair[1] | Wait-WirePair -Timeout 60 }
        $other.FullyQualifiedErrorId | Should -Match '^Wire(SasMismatch|Cancelled),'
        (Get-WirePendingPair -Id $pair[0].Id -WireHome $hostHome).Status | Should -Be 'Aborted'
        Get-WirePendingPair -WireHome $hostHome -Status Aborted | Remove-WirePendingPair
        Get-WirePendingPair -WireHome $hostHome -Status Aborted | Should -BeNullOrEmpty
    }

    It 'stops, and the other side is told' {
        $pair = Connect-TestPair $hostHome $guestHome -Protocol $Protocol
        ($pair[0] | Stop-WirePair -PassThru).Reason | Should -Be 'Cancelled'
        $record = Get-ErrorOf { $pair[1] | Wait-WirePair -Timeout 60 }
        $record.FullyQualifiedErrorId | Should -BeLike 'WireCancelled,*'
        (Get-ErrorOf { $pair[0] | Stop-WirePair }).FullyQualifiedErrorId | Should -BeLike 'WirePairEnded,*'
        (Get-ErrorOf { $pair[0] | Confirm-WirePair -Digits '123456' }).FullyQualifiedErrorId | Should -BeLike 'WirePairEnded,*'
    }

    It 'is found by its code after its end' {
        $pair = Connect-TestPair $hostHome $guestHome -Protocol $Protocol
        $null = Complete-TestPair $pair
        (Get-WirePendingPair $pair[0].Code.ToLowerInvariant() -WireHome $hostHome).Id | Should -Be $pair[0].Id
        (Wait-WirePair $pair[1].Code -Timeout 60 -WireHome $guestHome).Id | Should -Be $pair[1].Id
        (Get-ErrorOf { Stop-WirePair $pair[0].Code -WireHome $hostHome }).FullyQualifiedErrorId | Should -BeLike 'WirePairEnded,*'
        if ($Protocol -eq 'V2') {
            (Get-ErrorOf { New-WirePair -Code $pair[0].Code -Detach -WireHome $hostHome }).FullyQualifiedErrorId | Should -BeLike 'WireCodeUsed,*'
        }
    }

    It 'watches until all have ended' {
        Get-WirePendingPair -Status SasReady, Polling, Confirmed -WireHome $hostHome | Stop-WirePair
        $pair = Connect-TestPair $hostHome $guestHome -Protocol $Protocol
        $module, $code = (Get-TestedManifest), $pair[0].Code
        $watch = Start-ThreadJob { Import-Module $using:module; Watch-WirePair -Code $using:code -WireHome $using:hostHome }
        $null = Wait-Until { $watch.Output.Count -gt 0 }
        $null = Complete-TestPair $pair
        $null = $watch | Wait-Job -Timeout 60
        $seen = $watch | Receive-Job -AutoRemoveJob -Wait
        $seen[0].Status | Should -Be 'SasReady'
        $seen[-1].Status | Should -Be 'Paired'
        $seen.Status | Should -Contain 'Confirmed'
    }

    It 'forgets a peer, and takes its access back' {
        $peer = Get-WirePeer -WireHome $hostHome
        $removed = $peer | Remove-WirePeer -PassThru
        $removed.Did | Should -Be $peer.Did
        Get-WirePeer -WireHome $hostHome | Should -BeNullOrEmpty
        @(Get-WireJournal -Kind peer -WireHome $hostHome)[-1].To | Should -Be 'removed'
    }

    It 'goes on when the relay was away' {
        $made = New-WirePair -Detach -Protocol $Protocol -WireHome $hostHome
        $null = Wait-Until { (Get-WirePendingPair -Id $made.Id -WireHome $hostHome).Status -eq 'Polling' }
        Stop-WireRelay -WireHome $relayHome
        $joined = New-WirePair -Code $made.Code -Detach -WireHome $guestHome
        Wait-Until { (Get-WirePendingPair -Id $joined.Id -WireHome $guestHome).LastError } | Should -BeTrue
        (Start-WireRelay -WireHome $relayHome).Url | Should -Be $relay
        $pair = $made, $joined | Wait-WirePair -For SasReady -Timeout 120 | Sort-Object { $_.WireHome -ne $hostHome }
        (Complete-TestPair $pair).Status | Should -Be 'Paired', 'Paired'
    }
}

Describe 'Ticks alone, each in a fresh process (<Protocol>)' -ForEach $protocols {
    BeforeAll {
        Import-Module "$PSScriptRoot/WirePS.Testing.psm1" -Force
        $relayHome, $hostHome, $guestHome = 'relay', 'host', 'guest' | ForEach-Object { Get-TestHome "tick-$_-$Protocol" }
        $relay = Open-TestRelay $relayHome
        foreach ($each in $hostHome, $guestHome) {
            Set-WireRelay $relay -WireHome $each
        }

        function Wait-Tick([scriptblock] $Until) {
            for ($i = 0; $i -lt 30 -and -not (& $Until); $i++) {
                foreach ($each in $hostHome, $guestHome) {
                    $run = Invoke-TestProcess "Invoke-WireTick -WireHome '$each' | ForEach-Object ToString"
                    $run.Errors | Should -BeNullOrEmpty
                    $run.Output -split '\r?\n' | Where-Object { $_ } | ForEach-Object { $moves.Add($_) }
                }
            }
        }

        $moves = [System.Collections.Generic.List[string]]::new()
    }

    AfterAll {
        Close-TestHome $relayHome
    }

    It 'complete a pairing' {
        $made = New-WirePair -Detach -Protocol $Protocol -WireHome $hostHome -WarningAction Ignore
        $joined = New-WirePair -Code $made.Code -Detach -WireHome $guestHome -WarningAction Ignore
        Wait-Tick { (Get-WirePendingPair -Status SasReady -WireHome $hostHome) -and (Get-WirePendingPair -Status SasReady -WireHome $guestHome) }
        $digits = (Get-WirePendingPair -WireHome $hostHome).Sas, (Get-WirePendingPair -WireHome $guestHome).Sas
        $made | Confirm-WirePair -Digits $digits[1] -WarningAction Ignore
        $joined | Confirm-WirePair -Digits $digits[0] -WarningAction Ignore
        Wait-Tick { (Get-WirePeer -WireHome $hostHome) -and (Get-WirePeer -WireHome $guestHome) }
        (Get-WirePeer -WireHome $hostHome).Did | Should -Be (Get-WireIdentity -WireHome $guestHome).Did
        (Get-WirePeer -WireHome $guestHome).Did | Should -Be (Get-WireIdentity -WireHome $hostHome).Did
        $moves | Should -Contain "pairing $($made.Id): RequestHost -> Polling"
        $moves | Should -Contain "pairing $($joined.Id): Confirmed -> Paired"
    }
}
