Describe 'Trust requests as connections' {
    BeforeAll {
        Import-Module "$PSScriptRoot/WirePS.Testing.psm1" -Force
        $relayHome, $asking, $asked = 'relay', 'asking', 'asked' | ForEach-Object { Get-TestHome "direct-$_" }
        $relay = Open-TestRelay $relayHome
        $null = Initialize-WireIdentity -Handle agent-one -Relay $relay -WireHome $asking
        $null = Initialize-WireIdentity -Handle agent-two -Relay $relay -WireHome $asked
        foreach ($each in $asking, $asked) { Start-WireDaemon -WireHome $each }
    }

    AfterAll {
        Close-TestHome $asking, $asked, $relayHome
    }

    It 'are not taken until somebody says so' {
        (Get-WireDaemon -WireHome $asked).Listen | Should -BeNullOrEmpty
        (Get-WireTrustPolicy -WireHome $asked).Listen | Should -BeNullOrEmpty
        foreach ($each in $asking, $asked) { Set-WireTrustPolicy -Listen Loopback -Port 0 -WireHome $each }
        foreach ($each in $asking, $asked) { Wait-Until { (Get-WireDaemon -WireHome $each).Listen } | Should -BeTrue }
        (Get-WireTrustPolicy -WireHome $asked).AutoApprove | Should -BeFalse
    }

    It 'are approved by a person, and messages flow both ways' {
        $address = (Get-WireDaemon -WireHome $asked).Listen
        $sent = Request-WireTrust -Address $address -Justification 'Directly.' -WireHome $asking
        $sent.Status, $sent.Address, $sent.KeySource | Should -Be 'Waiting', $address, 'address'
        (Request-WireTrust -Address $address -WireHome $asking).Id | Should -Be $sent.Id
        Wait-Until { Get-WireTrustRequest -WireHome $asked } | Should -BeTrue
        $request = Get-WireTrustRequest -WireHome $asked
        $request.Id, $request.Justification, $request.IsWeak | Should -Be $sent.Id, 'Directly.', $false
        $request.PeerFingerprint | Should -Be (Get-WireIdentity -WireHome $asking).Fingerprint
        $null = $request | Approve-WireTrust -Confirm:$false
        $peer = Wait-WireTrust agent-two -Timeout 60 -WireHome $asking
        $peer.Fingerprint, $peer.KeySource, $peer.Tier | Should -Be (Get-WireIdentity -WireHome $asked).Fingerprint, 'address', 'OrgVerified'
        Wait-Until { (Get-WirePeer -WireHome $asked).Relay -and -not (Get-WireTrustRequest -WireHome $asking) } | Should -BeTrue
        $null = Send-WireMessage agent-two 'there' -WireHome $asking
        $null = Send-WireMessage agent-one 'back' -WireHome $asked
        Wait-Until { (Get-WireMessage -WireHome $asked | Where-Object Direction -EQ Received).Text -eq 'there' } | Should -BeTrue
        Wait-Until { (Get-WireMessage -WireHome $asking | Where-Object Direction -EQ Received).Text -eq 'back' } | Should -BeTrue
    }

    It 'say that a peer is trusted already' {
        $again = Request-WireTrust agent-two -WireHome $asking
        $again.Status | Should -Be 'AlreadyTrusted'
        Get-WireTrustRequest -WireHome $asking | Should -BeNullOrEmpty
    }

    It 'are shown with every other decision' {
        $trust = Get-WireTrust -WireHome $asked
        $trust.State, $trust.Ceremony, $trust.ApprovedBy, $trust.KeySource | Should -Be 'Trusted', 'request', 'person', 'request'
        $null = Register-WireHandle -WireHome $asking
        $null = Add-WireTrustedAgent bench -Address agent-one -WireHome $asked
        (Get-WireTrust agent-one -WireHome $asked).Agent | Should -Be 'bench'
        Revoke-WireTrust agent-two -Reason 'Lost.' -WireHome $asking -WarningAction Ignore
        (Get-WireTrust -State Revoked -WireHome $asking).Reason | Should -Be 'Lost.'
        Wait-Until { (Get-WireTrust agent-one -WireHome $asked).State -eq 'RevokedByPeer' } | Should -BeTrue
        (Get-ErrorOf { Get-WireTrust nobody -WireHome $asked }).FullyQualifiedErrorId | Should -BeLike 'WirePeerNotFound,*'
    }

    It 'fail with a reason that can be acted on' {
        (Get-ErrorOf { Request-WireTrust -Address 'host:no' -WireHome $asking }).FullyQualifiedErrorId | Should -BeLike 'WireInvalidAddress,*'
        $port = [int] ((Get-WireDaemon -WireHome $asked).Listen -split ':')[-1]
        (Get-ErrorOf { Set-WireTrustPolicy -Listen Loopback -Port $port -WireHome $asking }).FullyQualifiedErrorId | Should -BeLike 'WirePortInUse,*'
        Set-WireTrustPolicy -Listen Off -WireHome $asked
        Wait-Until { -not (Get-WireDaemon -WireHome $asked).Listen } | Should -BeTrue
        (Get-ErrorOf { Request-WireTrust -Address "127.0.0.1:$port" -WireHome $asking }).FullyQualifiedErrorId | Should -BeLike 'WirePeerUnreachable,*'
        Get-WireTrustRequest -WireHome $asking | Should -BeNullOrEmpty
        $late = Get-ErrorOf { Wait-WireTrust nobody -Timeout 0 -WireHome $asking }
        $late.FullyQualifiedErrorId | Should -BeLike 'WireWaitTimeout,*'
        $late.Exception.Message | Should -BeLike "*'nobody' is not trusted here yet*"
        (Get-ErrorOf { Wait-WireTrust * -Timeout 0 -WireHome $asking }).FullyQualifiedErrorId | Should -BeLike 'WirePeerNotFound,*'
    }
}
