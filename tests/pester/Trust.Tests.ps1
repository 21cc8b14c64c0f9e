Describe 'Trust without a code, <Name>' -ForEach @(@{ Name = 'two daemons' }, @{ Name = 'ticks alone' }) {
    BeforeAll {
        Import-Module "$PSScriptRoot/WirePS.Testing.psm1" -Force
        $withDaemons = $Name -eq 'two daemons'
        $relayHome, $asking, $asked = 'relay', 'asking', 'asked' | ForEach-Object { Get-TestHome "$_-$withDaemons" }
        $relay = Open-TestRelay $relayHome
        $null = Initialize-WireIdentity -Handle agent-one -Relay $relay -WireHome $asking
        $null = Initialize-WireIdentity -Handle agent-two -Relay $relay -WireHome $asked
        if ($withDaemons) {
            foreach ($each in $asking, $asked) { Start-WireDaemon -WireHome $each }
        }

        function Wait-Work([scriptblock] $Until) {
            # The daemons do it by themselves; without them, ticks do, each in a fresh process.
            if ($withDaemons) { return Wait-Until $Until }
            for ($i = 0; $i -lt 10 -and -not (& $Until); $i++) {
                foreach ($each in $asking, $asked) {
                    (Invoke-TestProcess "Invoke-WireTick -WireHome '$each' | Out-Null").Errors | Should -BeNullOrEmpty
                }
            }

            [bool] (& $Until)
        }
    }

    AfterAll {
        Close-TestHome $asking, $asked, $relayHome
    }

    It 'is found by its handle, listed or not' {
        $entry = Register-WireHandle -WireHome $asked
        $entry.Relay | Should -Be $relay
        $found = Find-WirePeer agent-two -WireHome $asking
        $found.Fingerprint | Should -Be (Get-WireIdentity -WireHome $asked).Fingerprint
        $found.PeerKey, $found.KeySource | Should -Be 'New', 'directory'
        (Find-WirePeer "agent-two@$(([uri] $relay).Authority)" -WireHome $asking).Did | Should -Be $found.Did
        (Find-WirePeer agent-* -WireHome $asking).Handle | Should -Be 'agent-two'
        $null = Register-WireHandle -Hidden -WireHome $asked
        Find-WirePeer agent-* -WireHome $asking | Should -BeNullOrEmpty
        (Find-WirePeer agent-two -WireHome $asking).Did | Should -Be $found.Did
        (Get-ErrorOf { Find-WirePeer agent-three -WireHome $asking }).FullyQualifiedErrorId | Should -BeLike 'WireHandleNotFound,*'
    }

    It 'is refused with a reason that who asked can read' {
        $sent = Request-WireTrust agent-two 'Please.' -WireHome $asking -WarningAction Ignore
        $sent.Status | Should -Be 'Waiting'
        Wait-Work { Get-WireTrustRequest -WireHome $asked } | Should -BeTrue
        $request = Get-WireTrustRequest -WireHome $asked
        $request.Id | Should -Be $sent.Id
        $request.Justification | Should -Be 'Please.'
        $request.PeerFingerprint | Should -Be (Get-WireIdentity -WireHome $asking).Fingerprint
        Get-WirePeer -WireHome $asked | Should -BeNullOrEmpty
        $request | Deny-WireTrust -Reason 'Not today.' -WarningAction Ignore
        Get-WireTrustRequest -WireHome $asked | Should -BeNullOrEmpty
        Wait-Work { (Get-WireTrustRequest -WireHome $asking).Status -eq 'Rejected' } | Should -BeTrue
        (Get-WireTrustRequest -WireHome $asking).Reason | Should -Be 'Not today.'
        Get-WirePeer -WireHome $asking | Should -BeNullOrEmpty
    }

    It 'is one queue with pairings, in which neither is taken for the other' {
        $null = Find-WirePeer agent-two -WireHome $asking | Request-WireTrust -Justification 'Once more.' -WarningAction Ignore
        Wait-Work { Get-WireTrustRequest -WireHome $asked } | Should -BeTrue
        $pair = New-WirePair -Detach -WireHome $asked -WarningAction Ignore
        (Get-WirePendingPair -WireHome $asked).Kind | Sort-Object | Should -Be 'pair', 'request'
        (Get-WirePendingPair -Kind request -WireHome $asked).Id | Should -Be (Get-WireTrustRequest -WireHome $asked).Id
        (Get-ErrorOf { Get-WirePendingPair -Kind request -WireHome $asked | Confirm-WirePair -Digits '123456' }).FullyQualifiedErrorId | Should -BeLike 'WireNotAPairing,*'
        (Get-ErrorOf { $pair | Approve-WireTrust -Confirm:$false }).FullyQualifiedErrorId | Should -BeLike 'WireNotATrustRequest,*'
        $pair | Stop-WirePair
    }

    It 'is approved by a person, and both trust the key of the other' {
        $approved = Get-WireTrustRequest -WireHome $asked | Approve-WireTrust -Confirm:$false -WarningAction Ignore
        $approved.Fingerprint | Should -Be (Get-WireIdentity -WireHome $asking).Fingerprint
        $approved.Ceremony, $approved.ApprovedBy, $approved.KeySource | Should -Be 'request', 'person', 'request'
        Wait-Work { (Get-WirePeer -WireHome $asking).PeerAcked } | Should -BeTrue
        $peer = Get-WirePeer -WireHome $asking
        $peer.Fingerprint | Should -Be (Get-WireIdentity -WireHome $asked).Fingerprint
        $peer.Ceremony, $peer.KeySource | Should -Be 'request', 'directory'
        (Find-WirePeer agent-two -WireHome $asking).PeerKey | Should -Be 'Known'
    }

    It 'shows a new name of the peer' {
        Set-WireIdentity 'Agent number two' -WireHome $asked -WarningAction Ignore
        Wait-Work { (Get-WirePeer -WireHome $asking).DisplayName -eq 'Agent number two' } | Should -BeTrue
        (Get-WirePeer -WireHome $asking).CardBehind | Should -BeFalse
    }

    It 'is taken back for good, and the peer is told' {
        $revoked = Revoke-WireTrust agent-one -Reason 'Lost.' -PassThru -WireHome $asked -WarningAction Ignore
        $revoked.RevokedAt | Should -Not -BeNullOrEmpty
        Get-WirePeer -WireHome $asked | Should -BeNullOrEmpty
        (Get-WirePeer -IncludeRevoked -WireHome $asked).RevokedReason | Should -Be 'Lost.'
        Wait-Work { (Get-WirePeer -WireHome $asking).RevokedByPeerAt } | Should -BeTrue
        (Get-WirePeer -WireHome $asking).Tier, (Get-WirePeer -WireHome $asking).RevokedReason | Should -Be 'Untrusted', 'Lost.'

        $null = Find-WirePeer agent-two -WireHome $asking | ForEach-Object { Request-WireTrust agent-two -Relay $_.Relay -WireHome $asking -WarningAction Ignore }
        $null = Wait-Work { (Get-Content "$asked/state/wire/refused.jsonl" -ErrorAction Ignore) -match '"revoked"' }
        Get-WireTrustRequest -Direction Received -WireHome $asked | Should -BeNullOrEmpty
        (Get-ErrorOf { Request-WireTrust agent-one -WireHome $asked }).FullyQualifiedErrorId | Should -BeLike 'WirePeerRevoked,*'
        (Test-WireAuditLog -WireHome $asked).Valid | Should -BeTrue
    }

    It 'is lifted by a person alone' {
        Remove-WirePeer * -WireHome $asked
        (Get-WirePeer -IncludeRevoked -WireHome $asked).Handle | Should -Be 'agent-one'
        Remove-WirePeer agent-one -WireHome $asked
        Get-WirePeer -IncludeRevoked -WireHome $asked | Should -BeNullOrEmpty
    }

    It 'goes out of the directory' {
        Unregister-WireHandle -WireHome $asked
        (Get-ErrorOf { Unregister-WireHandle -WireHome $asked }).FullyQualifiedErrorId | Should -BeLike 'WireHandleNotFound,*'
        (Get-ErrorOf { Find-WirePeer agent-two -WireHome $asking }).FullyQualifiedErrorId | Should -BeLike 'WireHandleNotFound,*'
    }
}
